"""What the tests of the program share: running it, studies, temporary folders, results."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal
from fractions import Fraction

PROGRAM = os.environ["NUMGEOM_PROGRAM"]
EXAMPLE_STUDY = pathlib.Path(__file__).parents[2] / "examples" / "studies" / "mnist_small.toml"

# Three trials that are certified in a fraction of a second.
SMALL_STUDY = {
    "problem": {"dataset": "synthetic", "train": 60, "validation": 30,
                "network": ["dense 8", "relu", "dense 3"]},
    "training": {"epochs": 2, "batch": 16},
    "native": {"precision": ["fp32", "fp64"]},
    "search": {"method": "list",
               "configurations": [{"lr": 0.01}, {"lr": 0.1, "weight_decay": 0.001}, {"lr": 0.3}]},
}


def effort():
    """How much more work the tests are asked to do; 1 by default."""
    return float(os.environ.get("NUMGEOM_TEST_MULTIPLIER", "1"))


def command(*arguments):
    return [PROGRAM, *map(str, arguments)]


def run(*arguments, **options):
    options = {"capture_output": True, "text": True, "timeout": 600, **options}
    return subprocess.run(command(*arguments), check=False, **options)


def certify(study, *arguments):
    """The JSON document of a certification in which every trial is certified."""
    result = run("certify", study, "--json", "--quiet", *arguments)
    if result.returncode != 0:
        raise AssertionError(f"certify {study}: exit code {result.returncode}: {result.stderr}")
    return json.loads(result.stdout)


def require_mnist():
    if any(line.startswith("mnist") and "numgeom data fetch" in line
           for line in run("data", "list").stdout.splitlines()):
        print("mnist is not fetched; run: numgeom data fetch mnist")
        sys.exit(1)


def toml(value):
    """A value as TOML: strings and arrays are those of JSON, tables are inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)


def study_text(base=None, **changes):
    """A study as TOML: `base` (SMALL_STUDY) with keys of tables changed; None takes one away."""
    tables = dict(base or SMALL_STUDY)
    for name, change in changes.items():
        tables[name] = None if change is None else {**(tables.get(name) or {}), **change}
    lines = []
    for name, entries in tables.items():
        if entries is None:
            continue
        lines.append(f"[{name}]")
        lines += [f"{key} = {toml(value)}" for key, value in entries.items() if value is not None]
    return "\n".join(lines) + "\n"


def without_seconds(json_value):
    """The value without the members named `seconds`, at every depth."""
    if isinstance(json_value, dict):
        return {key: without_seconds(one) for key, one in json_value.items() if key != "seconds"}
    if isinstance(json_value, list):
        return [without_seconds(one) for one in json_value]
    return json_value


def exact(text):
    """A decimal string as a fraction."""
    return Fraction(Decimal(text))


class FolderTest(unittest.TestCase):
    """A test with a temporary folder of its own."""

    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="numgeom-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    def write_study(self, base=None, **changes):
        return self.write("study.toml", study_text(base, **changes))

    def snapshot(self):
        """Everything in the folder: names and what is in the files."""
        return {str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
                for path in sorted(self.folder.rglob("*"))}

"""Native losses after 20 steps are those of PyTorch, for every layer, loss, optimiser, schedule.

Without PyTorch they are compared with what it gave: golden_losses.json, written anew by
`pytorch_test.py --write` where it is installed.
"""

import json
import pathlib
import sys
import unittest

import support
import training_cases
from support import FolderTest, run

GOLDEN = pathlib.Path(__file__).parent / "golden_losses.json"
ROWS, VALIDATION, BATCH, EPOCHS = 40, 20, 8, 4
TOLERANCE = {"fp64": 1e-12, "fp32": 1e-5}

try:
    import torch
    import replay_torch
except ImportError:
    torch = None


def torch_losses(directory):
    dtypes = {"fp64": torch.float64, "fp32": torch.float32}
    return {name: replay_torch.replay(directory, dtype) for name, dtype in dtypes.items()}


class PytorchTest(FolderTest):
    written = {}

    def test_every_case(self):
        golden = {} if torch else json.loads(GOLDEN.read_text())
        if torch:
            torch.set_num_threads(1)
        worst = dict.fromkeys(TOLERANCE, 0.0)
        for name, one in training_cases.all_cases().items():
            with self.subTest(name):
                tables = training_cases.tables(one, ROWS, VALIDATION, BATCH, EPOCHS)
                study = self.write("study.toml",
                                   support.study_text(tables, certify={"width": 1e300,
                                                                       "tightness": 1e300}))
                directory = self.folder / name.replace(" ", "_").replace(",", "")
                self.assertEqual(run("export", study, "--trial", 0, "--out", directory).returncode,
                                 0)
                result = run("certify", study, "--json", "--quiet")
                native = json.loads(result.stdout)["trials"][0]["native"]
                expected = torch_losses(directory) if torch else golden[name]
                self.written[name] = expected
                for run_of in native:
                    precision = run_of["precision"]
                    away = abs(run_of["loss"] / expected[precision] - 1)
                    worst[precision] = max(worst[precision], away)
                    self.assertLessEqual(away, TOLERANCE[precision],
                                         f"{name}, {precision}: {run_of['loss']!r} is not "
                                         f"{expected[precision]!r}")
        print(f"{len(self.written)} trainings, largest relative distance from PyTorch: {worst}",
              "" if torch else "(golden values)")


if __name__ == "__main__":
    write = "--write" in sys.argv
    program = unittest.main(argv=[a for a in sys.argv if a != "--write"], exit=False)
    if write and program.result.wasSuccessful():
        GOLDEN.write_text(json.dumps(PytorchTest.written, indent=1) + "\n")
    sys.exit(not program.result.wasSuccessful())

"""The checker shares no source with the program, and is short enough to be read in one sitting."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import unittest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ["NUMGEOM_BUILD"])
VERIFY = ROOT / "verify"
MOST_LINES = 1500


class IndependenceTest(unittest.TestCase):
    def test_length(self):
        lines = sum(len(path.read_text().splitlines()) for path in VERIFY.iterdir())
        print(f"verify/ has {lines} lines")
        self.assertLessEqual(lines, MOST_LINES)

    def test_quoted_includes_are_its_own(self):
        for path in VERIFY.glob("*.[ch]pp"):
            for name in re.findall(r'#include "([^"]+)"', path.read_text()):
                self.assertTrue((VERIFY / name).is_file(), f"{path.name} includes {name}")

    def test_include_graph(self):
        commands = json.loads((BUILD / "compile_commands.json").read_text())
        sources = [one for one in commands if pathlib.Path(one["file"]).parent == VERIFY]
        self.assertEqual({pathlib.Path(one["file"]).name for one in sources},
                         {path.name for path in VERIFY.glob("*.cpp")})
        for one in sources:
            words = shlex.split(one["command"])
            at = words.index("-o")
            listed = subprocess.run(words[:at] + words[at + 2:] + ["-M"], check=True, cwd=one["directory"],
                                    capture_output=True, text=True).stdout
            for dependency in listed.replace("\\\n", " ").split()[1:]:
                path = (pathlib.Path(one["directory"]) / dependency).resolve()
                self.assertTrue(path.parent == VERIFY or ROOT not in path.parents, str(path))

    def test_link_line(self):
        listed = subprocess.run(["ninja", "-t", "commands", "bin/numgeom-verify"], check=True, cwd=BUILD,
                                capture_output=True, text=True).stdout
        link = listed.strip().splitlines()[-1]
        self.assertIn("bin/numgeom-verify", link)
        objects = re.findall(r"\S+\.(?:o|a)\b", link)
        self.assertTrue(objects)
        for name in objects:
            self.assertTrue(name.startswith("verify/") or name.startswith("/usr/"), name)
        symbols = subprocess.run(["nm", "-C", BUILD / "bin/numgeom-verify"], check=True,
                                 capture_output=True, text=True).stdout
        self.assertIn("verify::check_claims", symbols)
        self.assertNotIn("numgeom::", symbols)


if __name__ == "__main__":
    unittest.main()

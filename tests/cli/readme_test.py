"""The study that the README shows is one that the program takes."""

import pathlib
import re
import tempfile
import unittest

import support

README = pathlib.Path(__file__).parents[2] / "README.md"


class Readme(unittest.TestCase):
    def test_the_study_is_accepted(self):
        blocks = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
        self.assertEqual(len(blocks), 1)
        with tempfile.TemporaryDirectory() as folder:
            study = pathlib.Path(folder) / "study.toml"
            study.write_text(blocks[0])
            exported = pathlib.Path(folder) / "trial"
            result = support.run("export", study, "--trial", 11, "--out", exported)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertTrue((exported / "trial.json").exists())

    def test_every_command_shown_has_help(self):
        for name in re.findall(r"^numgeom (\w+)", README.read_text(), re.MULTILINE):
            self.assertEqual(support.run(name, "--help").returncode, 0, name)


if __name__ == "__main__":
    unittest.main()

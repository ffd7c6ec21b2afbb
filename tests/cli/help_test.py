"""Help is there for every command, names its options, and is no error."""

import unittest

from support import run

HELP = {
    (): ["certify", "optimize", "study", "ask", "tell", "report", "export", "data", "--version", "--help", "Exit codes"],
    ("certify",): ["study", "--json", "--journal", "--threads", "--quiet", "Exit code 1"],
    ("optimize",): ["study", "--storage", "--workers", "--deterministic", "--delta", "--no-race"],
    ("score",): ["study", "--trial", "--weights", "--precision", "--trained-in", "--samples", "Exit code 1"],
    ("study",): ["list", "show", "best", "export"],
    ("report",): ["source", "--out", "--svg", "--study", "--follow"],
    ("study", "export"): ["--storage", "--format", "--out", "optuna"],
    ("ask",): ["--storage", "--count", "--lease"],
    ("tell",): ["--storage", "error_bound"],
    ("export",): ["study", "--trial", "--out", "--weights", "--precision", "from 0"],
    ("data",): ["list", "fetch"],
    ("data", "list"): ["--help"],
    ("data", "fetch"): ["name"],
}


class HelpTest(unittest.TestCase):
    def test_help_goes_to_stdout_and_names_the_options(self):
        for command, names in HELP.items():
            with self.subTest(command=command):
                result = run(*command, "--help")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                for name in names:
                    self.assertIn(name, result.stdout)

    def test_the_version(self):
        result = run("--version")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"^\d+\.\d+\.\d+\n$")

    def test_the_list_of_data_sets(self):
        result = run("data", "list")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        names = [line.split()[0] for line in result.stdout.splitlines()]
        self.assertEqual(names[0], "name")
        for name in ("mnist", "synthetic"):
            self.assertIn(name, names)

    def test_generated_data_need_no_fetching(self):
        result = run("data", "fetch", "synthetic")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, "synthetic: generated, nothing to fetch\n")


if __name__ == "__main__":
    unittest.main()

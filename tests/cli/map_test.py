"""Stability maps: the document, refinement, fixed hyperparameters, resuming, bad input."""

import json
import unittest

from support import FolderTest, run

STUDY = {
    "problem": {"dataset": "synthetic", "train": 60, "validation": 30,
                "network": ["dense $width", "relu", "dense 3"]},
    "training": {"epochs": 2, "batch": 16},
    "native": {"precision": ["bf16"]},
    "space": {"lr": {"low": 0.001, "high": 30.0, "scale": "log"},
              "weight_decay": {"low": 1e-6, "high": 1e-2, "scale": "log"},
              "width": {"low": 4, "high": 8}},
    "certify": {"tightness": 1e9},
}
SIZE = ("--columns", 9, "--rows", 6, "--tolerance", 3e-3)


class MapTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.study = self.write_study(STUDY)

    def map(self, *arguments, size=SIZE):
        result = run("map", self.study, "--json", "--quiet", *size, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return json.loads(result.stdout)

    def refused(self, *arguments):
        result = run("map", self.study, "--quiet", *arguments)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"^numgeom: [^\n]*\n$")
        return result.stderr

    def test_the_document(self):
        document = self.map("--fix", "width=5")
        self.assertEqual((document["schema_version"], document["kind"]), (1, "map"))
        self.assertEqual(document["precision"], "bf16")
        self.assertEqual(document["fixed"], {"width": 5})
        self.assertEqual([axis["name"] for axis in document["axes"]], ["lr", "weight_decay"])
        self.assertEqual([len(axis["values"]) for axis in document["axes"]], [9, 6])
        self.assertEqual([(cell["x"], cell["y"]) for cell in document["cells"]],
                         [(x, y) for y in range(6) for x in range(9)])
        verdicts = set()
        for cell in document["cells"]:
            self.assertTrue(cell["evaluated"])
            verdicts.add(cell["verdict"])
            bounds = {name: float(value) for name, value in cell["relative_error"].items()}
            self.assertLessEqual(bounds["lower"], bounds["upper"])
            self.assertEqual(cell["verdict"], "stable" if bounds["upper"] < 3e-3 else
                             "unstable" if bounds["lower"] >= 3e-3 else "undecided")
            self.assertEqual(cell["verdict_by_phi"],
                             "stable" if float(cell["relative_phi"]) < 3e-3 else "unstable")
        self.assertLessEqual({"stable", "unstable"}, verdicts)

    def test_refinement_says_the_same_where_it_evaluates(self):
        wide = ("--columns", 17, "--rows", 6, "--tolerance", 0.3)
        full = self.map("--fix", "width=5", size=wide)["cells"]
        adaptive = self.map("--fix", "width=5", "--adaptive", size=wide)["cells"]
        self.assertLess(sum(cell["evaluated"] for cell in adaptive), len(full))
        for one, other in zip(full, adaptive):
            if other["evaluated"]:
                self.assertEqual(one, other)
            else:
                self.assertNotIn("relative_error", other)

    def test_the_worst_of_several_samples_counts(self):
        single = self.map("--fix", "width=6")["cells"]  # the first of the Sobol points
        several = self.map("--samples", 3)["cells"]
        for one, worst in zip(single, several):
            self.assertLessEqual(float(one["relative_error"]["upper"]),
                                 float(worst["relative_error"]["upper"]))

    def test_a_journal_is_taken_up(self):
        journal = self.folder / "journal"
        first = self.map("--fix", "width=5", "--adaptive", "--journal", journal)
        kept = journal.read_text()
        self.assertEqual(len(kept.splitlines()),
                         sum(cell["evaluated"] for cell in first["cells"]))
        self.assertEqual(self.map("--fix", "width=5", "--adaptive", "--journal", journal), first)
        self.assertEqual(journal.read_text(), kept)

    def test_a_drawing_for_people(self):
        result = run("map", self.study, "--quiet", *SIZE, "--fix", "width=5")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        rows = [line for line in result.stdout.splitlines() if len(line) > 9 and set(line[-9:]) <= set(".#?")]
        self.assertEqual(len(rows), 6)
        self.assertIn("54 of 54 cells evaluated", result.stdout)

    def test_bad_input(self):
        self.assertIn("momentum", self.refused("--x", "momentum"))
        self.assertIn("different", self.refused("--x", "lr", "--y", "lr"))
        self.assertIn("NAME=VALUE", self.refused("--fix", "width"))
        self.assertIn("'many'", self.refused("--fix", "width=many"))
        self.assertIn("width = 50", self.refused("--fix", "width=50"))
        self.assertIn("tolerance", self.refused("--tolerance", "-1"))
        self.assertIn("2 by 2", self.refused("--rows", "1"))


if __name__ == "__main__":
    unittest.main()

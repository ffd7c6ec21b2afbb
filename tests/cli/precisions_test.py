"""Native precisions in studies: certified, searched, kept in journals, and what PyTorch computes."""

import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import unittest

from support import FolderTest, certify, run, without_seconds

HERE = pathlib.Path(__file__).parent
PRECISIONS = ["fp32", "bf16", "bf16-mixed", "fp16-mixed", "tf32", "fp32-kahan", "bf16-stochastic"]
# One step, so that roundings that fall otherwise cannot pile up.
ONE_STEP = {
    "problem": {"dataset": "digits", "train": 400, "validation": 200,
                "network": ["dense 16", "relu", "dense 10"]},
    "training": {"epochs": 1, "batch": 400},
    "native": {"precision": ["bf16", "bf16-mixed"]},
    "search": {"method": "list", "configurations": [{"lr": lr} for lr in (0.1, 0.5, 1.0)]},
}
LARGEST_DISTANCE = 1e-5  # to PyTorch; the errors of bf16 are a hundred times as large


class PrecisionsTest(FolderTest):
    def test_all_are_certified_and_kept_in_a_journal(self):
        study = self.write_study(native={"precision": PRECISIONS})
        journal = self.folder / "journal.jsonl"
        document = certify(study, "--journal", journal)
        self.assertEqual(without_seconds(document),
                         without_seconds(certify(study, "--journal", journal)))
        self.assertEqual([one["precision"] for one in document["ranking"]["native"]], PRECISIONS)
        for trial in document["trials"]:
            self.assertEqual([one["precision"] for one in trial["native"]], PRECISIONS)
            exact = float(trial["enclosure"]["lower"])
            for native in trial["native"]:
                with self.subTest(precision=native["precision"]):
                    error = native["certified_error"]
                    self.assertTrue(math.isclose(abs(native["loss"] - exact), error["upper"],
                                                 rel_tol=0.01, abs_tol=1e-9))
                    self.assertGreater(native["estimates"]["phi"], 0)

    def test_a_search_trains_in_them(self):
        study = self.write_study(native={"precision": ["bf16-mixed"]},
                                 search={"method": "random", "trials": 5, "configurations": None},
                                 space={"lr": {"low": 0.01, "high": 0.5}})
        result = run("optimize", study, "--storage", self.folder / "s.db", "--quiet", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        errors = [trial["certified_error"]["upper"] for trial in json.loads(result.stdout)["trials"]]
        self.assertGreater(min(errors), 1e-6)
        self.assertLess(max(errors), 0.1)

    @unittest.skipUnless(importlib.util.find_spec("torch"), "PyTorch is not installed")
    def test_a_step_in_bfloat16_is_that_of_pytorch(self):
        study = self.write_study(ONE_STEP)
        for i, trial in enumerate(certify(study)["trials"]):
            directory = self.folder / f"trial{i}"
            self.assertEqual(run("export", study, "--trial", i, "--out", directory).returncode, 0)
            for native, arguments in zip(trial["native"], ([], ["mixed"]), strict=True):
                theirs = float(subprocess.run(
                    [sys.executable, "-B", HERE / "replay_bfloat16.py", directory, *arguments],
                    check=True, capture_output=True, text=True, timeout=300).stdout)
                print(f"trial {i}, {native['precision']}: {native['loss']}, PyTorch {theirs}, "
                      f"certified error {native['certified_error']['upper']:.2g}", flush=True)
                self.assertLessEqual(abs(native["loss"] - theirs), LARGEST_DISTANCE)


if __name__ == "__main__":
    unittest.main()

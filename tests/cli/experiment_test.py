"""The experiments at their small size: what they write, and what it says against the certified truth."""

import csv
import json
import signal
import subprocess
import time
import unittest
from fractions import Fraction

from support import FolderTest, command, exact, require_mnist, run

NAMES = ("bounds", "ranking", "search", "map", "sensitivity")
PROBLEMS = ("mnist", "cifar10", "tabular")


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class ExperimentTest(FolderTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        require_mnist()

    def experiment(self, *arguments):
        result = run("experiment", *arguments, "--quick", "--quiet", "--out", self.folder / "out")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_all(self):
        text = self.experiment("all")
        out = self.folder / "out"
        for name in NAMES:
            claims = json.loads((out / f"{name}-claims.json").read_text())
            self.assertEqual((claims["schema_version"], claims["kind"], claims["experiment"]),
                             (1, "experiment", name))
            self.assertTrue(claims["claims"])
            self.assertIn((out / f"{name}.txt").read_text(), text)
        self.check_widths(out)
        self.check_recall(out)
        self.check_winners(out)
        self.assertEqual(len(rows(out / "map.csv")), 64)
        for name in (*PROBLEMS, "map", "search_mnist", "search_tabular"):
            self.assertIn("<html", (out / f"{name}.html").read_text())
            self.assertTrue(list((out / "figures" / name).glob("*.svg")), name)
        self.assertEqual(len(rows(out / "searches.csv")), 2 * 2 * 2)
        self.assertRegex(text, r"(\d+) of \1 trials certified, enclosures at most ")
        # All is there: nothing is run again, and the outcome is the same.
        self.assertEqual(self.experiment("all"), text)

    def check_widths(self, out):
        trials = rows(out / "trials.csv")
        self.assertEqual({row["problem"] for row in trials}, set(PROBLEMS))
        for row in trials:
            width = exact(row["exact_upper"]) - exact(row["exact_lower"])
            self.assertLessEqual(width, Fraction(1001, 1000) / 10**9)

    def check_recall(self, out):
        """The criterion with certified errors flags every changed pair: in rationals, from the CSV."""
        counted = {}
        trials = rows(out / "trials.csv")
        for problem in PROBLEMS:
            for precision in ("fp32", "bf16"):
                runs = [row for row in trials
                        if (row["problem"], row["precision"]) == (problem, precision)
                        and row["native_loss"] != "inf"]
                changed = flagged = 0
                for i, a in enumerate(runs):
                    for b in runs[i + 1:]:
                        below = exact(a["exact_upper"]) < exact(b["exact_lower"])
                        above = exact(b["exact_upper"]) < exact(a["exact_lower"])
                        if not below and not above:
                            continue
                        gap = exact(a["native_loss"]) - exact(b["native_loss"])
                        near = abs(gap) <= exact(a["error_upper"]) + exact(b["error_upper"])
                        change = (gap > 0) if below else (gap < 0)
                        changed += change
                        flagged += near
                        self.assertTrue(near or not change)
                counted[problem, precision] = (changed, flagged)
        self.assertGreater(counted["mnist", "bf16"][0], 0)
        for row in rows(out / "ranking.csv"):
            if row["criterion with"] == "certified errors":
                self.assertEqual(counted[row["problem"], row["precision"]],
                                 (int(row["changed"]), int(row["flagged"])))
                self.assertEqual(row["recall"], "100 %" if int(row["changed"]) > 0 else "-")

    def check_winners(self, out):
        trials = rows(out / "trials.csv")
        for row in rows(out / "sensitivity.csv"):
            runs = [trial for trial in trials if (trial["problem"], trial["precision"]) ==
                    (row["problem"], row["precision"])]
            best = min(runs, key=lambda trial: exact(trial["exact_upper"]))
            native = min(runs, key=lambda trial: float(trial["native_loss"]))
            self.assertEqual((row["native winner"], row["exact winner"]),
                             (native["trial"], best["trial"]))

    def test_an_interrupted_one_goes_on(self):
        out = self.folder / "out"
        journal = out / "mnist.journal"
        with subprocess.Popen(command("experiment", "bounds", "--quick", "--quiet", "--threads", 1,
                                      "--out", out), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            end = time.monotonic() + 300
            while process.poll() is None and time.monotonic() < end and not (
                    journal.exists() and journal.read_text()):
                time.sleep(0.005)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 1)
        self.assertRegex(err, r"^numgeom: interrupted: the same command goes on from [^\n]*\n$")
        kept = journal.read_text().splitlines()
        self.assertTrue(kept)
        self.experiment("bounds")
        self.assertEqual(journal.read_text().splitlines()[:len(kept)], kept)

    def test_bad_input(self):
        result = run("experiment", "bound")
        self.assertEqual(result.returncode, 2)
        self.assertIn("sensitivity", result.stderr)
        file = self.folder / "file"
        file.write_text("")
        result = run("experiment", "map", "--quick", "--out", file / "out")
        self.assertEqual(result.returncode, 2)
        self.assertIn(str(file), result.stderr)


if __name__ == "__main__":
    unittest.main()

"""Every layer, loss, optimiser and schedule: certified, and what mpmath computes lies inside."""

import pathlib
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

import support
import training_cases
from support import FolderTest, certify, exact, run

HERE = pathlib.Path(__file__).parent
ROWS, VALIDATION, BATCH, EPOCHS = 16, 6, 8, 2
MOST_WIDTH = 1e-9
NARROW = 1e-40  # asked of another rung


def bounds(trial):
    return exact(trial["enclosure"]["lower"]), exact(trial["enclosure"]["upper"])


class MatrixTest(FolderTest):
    def check(self, name, one):
        tables = training_cases.tables(one, ROWS, VALIDATION, BATCH, EPOCHS)
        folder = self.folder / name.replace(" ", "_").replace(",", "")
        folder.mkdir()
        enclosures = []
        for width in (MOST_WIDTH, NARROW):
            study = folder / f"{width:g}.toml"
            study.write_text(support.study_text(tables, certify={"width": width}))
            trial = certify(study)["trials"][0]
            self.assertEqual(trial["enclosure"]["status"], "certified", name)
            enclosures.append(bounds(trial))
            self.assertLessEqual(enclosures[-1][1] - enclosures[-1][0], width * (1 + 1e-9), name)
        (low, high), (inner_low, inner_high) = enclosures
        self.assertLessEqual(max(low, inner_low), min(high, inner_high), f"{name}: disjoint")
        result = run("export", study, "--trial", 0, "--out", folder / "trial")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        loss = exact(subprocess.run(
            [sys.executable, "-B", HERE / "replay_mpmath.py", folder / "trial"], check=True,
            capture_output=True, text=True, timeout=900).stdout.strip())
        for lower, upper in enclosures:
            self.assertTrue(lower <= loss <= upper,
                            f"{name}: {float(loss)} outside by "
                            f"{float(max(lower - loss, loss - upper)):.3g}")

    def test_every_case(self):
        cases = training_cases.all_cases()
        with ThreadPoolExecutor(2) as pool:
            futures = {name: pool.submit(self.check, name, one) for name, one in cases.items()}
        for name, future in futures.items():
            with self.subTest(name):
                future.result()
        print(f"{len(cases)} trainings certified, mpmath inside")


if __name__ == "__main__":
    unittest.main()

"""Exported trials, replayed by other programs, give losses inside the certified enclosures."""

import pathlib
import subprocess
import sys
import unittest
from decimal import Decimal

import support
from support import FolderTest, certify, exact, run

HERE = pathlib.Path(__file__).parent
LARGEST_DISTANCE = Decimal("1e-9")  # of a replay in float64
# Three widely different learning rates, one of them the greatest; all with a multiplier of 4.
EXACT_TRIALS = {0, 6, 9}


def replayed(script, directory):
    result = subprocess.run([sys.executable, "-B", HERE / script, directory], check=True,
                            capture_output=True, text=True, timeout=900)
    return result.stdout.strip()


def distance(loss, enclosure):
    """How far the loss is outside of the enclosure; 0 inside."""
    lower, upper = exact(enclosure["lower"]), exact(enclosure["upper"])
    return float(max(lower - exact(loss), exact(loss) - upper, 0))


class ReplayTest(FolderTest):
    def export(self, study, trial):
        directory = self.folder / f"trial{trial}"
        result = run("export", study, "--trial", trial, "--out", directory)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"{directory}\n")
        return directory

    def check(self, study, trial, enclosure, exactly):
        directory = self.export(study, trial)
        loss = replayed("replay_numpy.py", directory)
        away = distance(loss, enclosure)
        line = f"trial {trial}: float64 replay {loss}, {away:.2g} outside of the enclosure"
        if exactly:
            loss = replayed("replay_exact.py", directory)
            inside = exact(enclosure["lower"]) <= exact(loss) <= exact(enclosure["upper"])
            line += f"; 1,500 bits {loss[:24]}… {'inside' if inside else 'OUTSIDE'}"
            self.assertTrue(inside, f"trial {trial}: {loss} not in {enclosure}")
        print(line, flush=True)
        self.assertLessEqual(away, LARGEST_DISTANCE, line)

    def check_all(self, study, exact_trials=None):
        trials = certify(study)["trials"]
        for i, trial in enumerate(trials):
            with self.subTest(trial=i):
                self.check(study, i, trial["enclosure"], exact_trials is None or i in exact_trials)
        return len(trials)

    def test_deeper_networks_with_every_layer(self):
        study = self.write_study(
            problem={"network": ["dense 6", "tanh", "dense 7", "relu", "dense 5", "tanh", "dense 3"],
                     "shuffle_seed": 3},
            training={"initialization": "glorot", "epochs": 3, "seed": 5},
            search={"configurations": [{"lr": 0.001, "weight_decay": 0.5}, {"lr": 0.3}]})
        self.assertEqual(self.check_all(study), 2)

    def test_the_demo_on_mnist(self):
        everything = support.effort() >= 4
        count = self.check_all(support.EXAMPLE_STUDY, None if everything else EXACT_TRIALS)
        self.assertEqual(count, 12)
        print("replayed with 1,500 bits:", "all" if everything else sorted(EXACT_TRIALS))


if __name__ == "__main__":
    support.require_mnist()
    unittest.main()

"""Results do not depend on the number of threads; only the timings do."""

import unittest

import support
from support import FolderTest, certify, without_seconds

# mnist_small with fewer rows and epochs, and one learning rate more than there are threads.
REDUCED_MNIST = {
    "problem": {"dataset": "mnist", "pool": 2, "train": 120, "validation": 60,
                "network": ["dense 16", "relu", "dense 10"]},
    "training": {"epochs": 2, "batch": 32},
    "native": {"precision": ["fp32", "fp64"]},
    "search": {"method": "list",
               "configurations": [{"lr": lr, "weight_decay": 1e-4} for lr in (0.003, 0.1, 0.6)]},
}


class DeterminismTest(FolderTest):
    def check(self, study):
        one = certify(study, "--threads", 1)
        two = certify(study, "--threads", 2)
        self.assertNotEqual(one, without_seconds(one))
        self.assertEqual(without_seconds(one), without_seconds(two))

    def test_synthetic_data(self):
        self.check(self.write_study(search={
            "configurations": [{"lr": 0.01 * 2.0 ** i} for i in range(7)]}))

    def test_sampled_configurations(self):
        for method in ("sobol", "random"):
            with self.subTest(method=method):
                self.check(self.write_study(search={
                    "configurations": None, "method": method, "trials": 5}))

    def test_mnist(self):
        self.check(self.write_study(REDUCED_MNIST))


if __name__ == "__main__":
    support.require_mnist()
    unittest.main()

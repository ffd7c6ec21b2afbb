"""Weights that a study starts from, and weights that training ends with."""

import json
import unittest
import zipfile

import numpy

from support import SMALL_STUDY, FolderTest, certify, exact, run, study_text, without_seconds

NAMES = ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]
SHAPES = [(20, 8), (1, 8), (8, 3), (1, 3)]


class WeightsTest(FolderTest):
    def learn(self, *arguments, **changes):
        """The weights of the middle trial as NumPy reads them, and their file."""
        study = self.write("first.toml", study_text(**changes))
        file = self.folder / "learnt.npz"
        result = run("export", study, "--trial", 1, "--weights", file, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout, f"{file}\n")
        with numpy.load(file) as arrays:
            return {name: arrays[name] for name in arrays.files}, study

    def enclosure(self, study, *arguments):
        """Of the last trial."""
        return without_seconds(certify(study, *arguments)["trials"][-1]["enclosure"])

    def start_from(self, file="learnt.npz", lr=0.0, **training):
        return self.write_study(training={"initial_weights": file, **training},
                                search={"configurations": [{"lr": lr}]})


class RoundTripTest(WeightsTest):
    def test_numpy_reads_what_was_learnt(self):
        weights, _ = self.learn()
        self.assertEqual(list(weights), NAMES)
        self.assertEqual([x.shape for x in weights.values()], SHAPES)
        for x in weights.values():
            self.assertEqual(x.dtype, numpy.float32)
            self.assertTrue(numpy.isfinite(x).all())

    def test_training_goes_on_where_it_ended(self):
        for precision in ("fp32", "bf16", "fp16-mixed"):
            with self.subTest(precision=precision):
                weights, first = self.learn(native={"precision": [precision]})
                before = certify(first)["trials"][1]
                # At the rate 0 the loss is that of the weights themselves.
                still = self.start_from()
                at_rest = certify(still)["trials"][0]
                lower, upper = (exact(at_rest["enclosure"][key]) for key in ("lower", "upper"))
                away = max(abs(lower - exact(str(before["native"][0]["loss"]))), upper - lower)
                self.assertLess(away, 1e-5 if precision == "fp32" else 1e-2)
                if precision == "fp32":
                    self.assertEqual(at_rest["native"][0]["loss"], before["native"][0]["loss"])
                further = self.start_from(lr=0.1)
                self.assertLess(certify(further)["trials"][0]["native"][0]["loss"],
                                at_rest["native"][0]["loss"])
                directory = self.folder / f"exported-{precision}"
                self.assertEqual(run("export", further, "--trial", 0, "--out", directory).returncode,
                                 0)
                for name, x in weights.items():
                    self.assertEqual(numpy.load(directory / f"{name}.npy").tobytes(), x.tobytes())

    def test_weights_of_fp64_are_float64_and_must_be_rounded(self):
        weights, first = self.learn("--precision", "fp64")
        for x in weights.values():
            self.assertEqual(x.dtype, numpy.float64)
        study = self.start_from()
        result = run("certify", study)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"study.toml:\d+: training.initial_weights: \S*learnt.npz: "
                                        r"array 'dense1.weight': row 1, column 1: \S+ found, a number "
                                        r"that float32 holds \(round weights of fp64 first\) expected")
        rounded = {name: x.astype(numpy.float32).astype(numpy.float64)
                   for name, x in weights.items()}
        numpy.savez_compressed(self.folder / "learnt.npz", **rounded)
        loss = certify(study)["trials"][0]["native"][1]["loss"]
        self.assertAlmostEqual(loss, certify(first)["trials"][1]["native"][1]["loss"], delta=1e-5)

    def test_where_weights_came_from_is_said(self):
        self.learn()
        study = self.start_from()
        told = certify(study)["problem"]["initial_weights"]
        self.assertEqual(told["file"], str(self.folder / "learnt.npz"))
        self.assertRegex(told["sha256"], "^[0-9a-f]{64}$")
        run("export", study, "--trial", 0, "--out", self.folder / "exported")
        trial = json.loads((self.folder / "exported" / "trial.json").read_text())
        self.assertEqual(trial["initial_weights"], told)
        self.assertNotIn("initial_weights", certify(self.folder / "first.toml")["problem"])

    def test_vectors_are_taken_for_biases(self):
        weights, _ = self.learn()
        study = self.start_from(lr=0.1)
        expected = self.enclosure(study)
        numpy.savez(self.folder / "learnt.npz",
                    **{name: x[0] if x.shape[0] == 1 else numpy.asfortranarray(x)
                       for name, x in reversed(weights.items())})
        self.assertEqual(self.enclosure(study), expected)

    def test_a_network_with_hyperparameters(self):
        self.learn()
        study = self.write_study(
            problem={"network": ["dense $width", "relu", "dense 3"]},
            training={"initial_weights": "learnt.npz"}, space={"lr": 0.1, "width": {"choices": [8, 9]}},
            search={"method": "grid", "configurations": None})
        result = run("certify", study)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("shape 20×8 found, 20×9 expected for layer dense1", result.stderr)

    def test_a_diverged_training_leaves_no_weights(self):
        study = self.write_study(search={"configurations": [{"lr": 1e30}]})
        result = run("export", study, "--trial", 0, "--weights", self.folder / "none.npz")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("trial 0 diverged in fp32", result.stderr)
        self.assertFalse((self.folder / "none.npz").exists())


class StaleResultsTest(WeightsTest):
    """Results that were found for something else are not taken for those asked for."""

    def certified(self, study):
        return self.enclosure(study, "--journal", self.folder / "journal")

    def test_a_journal_for_other_weights(self):
        weights, _ = self.learn()
        study = self.start_from(lr=0.1)
        first = self.certified(study)
        self.assertEqual(self.certified(study), first)
        weights["dense1.weight"][0, 0] += 0.25
        numpy.savez(self.folder / "learnt.npz", **weights)
        second = self.certified(study)
        self.assertNotEqual(second, first)
        self.assertEqual(second, self.enclosure(study))

    def test_a_journal_for_another_training(self):
        for training, base in (({"optimizer": "momentum"}, {}),
                               ({"optimizer": "momentum", "momentum": 0.5},
                                {"optimizer": "momentum"}),
                               ({"schedule": "cosine"}, {}), ({"warmup_steps": 3}, {}),
                               ({"schedule": "step", "step_factor": 0.5}, {"schedule": "step"})):
            with self.subTest(training=training):
                self.certified(self.write_study(training=base))
                study = self.write_study(training=training)
                self.assertEqual(self.certified(study), self.enclosure(study))

    def test_a_search_for_other_weights(self):
        weights, _ = self.learn()
        study = self.write_study(
            training={"initial_weights": "learnt.npz"}, space={"lr": {"low": 0.01, "high": 0.1}},
            search={"method": "random", "trials": 2, "configurations": None})
        storage = self.folder / "search.db"
        self.assertEqual(run("optimize", study, "--storage", storage, "--quiet").returncode, 0)
        weights["dense1.weight"][0, 0] += 0.25
        numpy.savez(self.folder / "learnt.npz", **weights)
        result = run("optimize", study, "--storage", storage, "--quiet")
        self.assertEqual(result.returncode, 2, result.stdout)


class RefusedTest(WeightsTest):
    def setUp(self):
        super().setUp()
        self.weights, _ = self.learn()

    def assert_refused(self, *parts, file="learnt.npz"):
        study = self.start_from(file)
        for arguments in (["certify", study], ["export", study, "--trial", 0, "--out",
                                               self.folder / "exported"]):
            before = self.snapshot()
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            for part in ("study.toml:", ": training.initial_weights: ", file, *parts):
                self.assertIn(part, result.stderr)
            self.assertEqual(self.snapshot(), before)

    def save_changed(self, **changes):
        arrays = {**self.weights, **{key.replace("_", "."): x for key, x in changes.items()}}
        numpy.savez(self.folder / "learnt.npz",
                    **{name: x for name, x in arrays.items() if x is not None})

    def test_arrays(self):
        nan = self.weights["dense2.weight"].copy()
        nan[4, 1] = numpy.nan
        infinite = self.weights["dense1.bias"].astype(numpy.float64)
        infinite[0, 2] = -numpy.inf
        fine = self.weights["dense1.weight"].astype(numpy.float64)
        fine[2, 5] = 0.1
        huge = self.weights["dense2.bias"].astype(numpy.float64)
        huge[0, 1] = 1e300
        expected = "dense1.weight, dense1.bias, dense2.weight, dense2.bias"
        for changes, parts in (
                ({"dense2_bias": None}, ["array 'dense2.bias' is missing"]),
                ({"dense3_bias": self.weights["dense2.bias"]},
                 ["array 'dense3.bias' found", expected]),
                ({"dense1_weight": self.weights["dense1.weight"].T},
                 ["array 'dense1.weight'", "shape 8×20 found", "20×8 expected", "layer dense1",
                  "dense 8 – relu – dense 3"]),
                ({"dense2_bias": numpy.zeros(4, numpy.float32)},
                 ["array 'dense2.bias'", "shape 1×4 found", "1×3 expected", "layer dense2"]),
                ({"dense1_bias": numpy.zeros((1, 1, 8), numpy.float32)},
                 ["array 'dense1.bias'", "shape (1, 1, 8) found"]),
                ({"dense1_bias": numpy.float32(1)}, ["array 'dense1.bias'", "shape () found"]),
                ({"dense1_bias": numpy.zeros((1, 8), numpy.float16)}, ["dense1.bias"]),
                ({"dense2_weight": nan},
                 ["array 'dense2.weight': row 5, column 2: nan found, a finite number expected"]),
                ({"dense1_bias": infinite}, ["array 'dense1.bias': row 1, column 3: -inf found"]),
                ({"dense1_weight": fine},
                 ["array 'dense1.weight': row 3, column 6: 0.1 found, a number that float32 holds"]),
                ({"dense2_bias": huge}, ["row 1, column 2: 1e+300 found"])):
            with self.subTest(parts=parts):
                self.save_changed(**changes)
                self.assert_refused(*parts)

    def test_files(self):
        whole = (self.folder / "learnt.npz").read_bytes()
        self.assert_refused(file="nowhere.npz")
        self.write("text.npz", "no weights\n")
        self.assert_refused("found no ZIP archive", file="text.npz")
        for length in (0, 30, len(whole) // 2, len(whole) - 1):
            self.write("cut.npz", whole[:length])
            self.assert_refused(file="cut.npz")
        for place in range(0, len(whole), 97):
            broken = bytearray(whole)
            broken[place] ^= 0x10
            self.write("learnt.npz", bytes(broken))
            result = run("certify", self.start_from(lr=0.01))
            self.assertIn(result.returncode, (0, 2), result.stderr)
        with zipfile.ZipFile(self.folder / "other.npz", "w") as archive:
            archive.writestr("readme.txt", "hello")
        self.assert_refused("readme.txt", file="other.npz")

    def test_usage(self):
        study = self.write_study(training={"initial_weights": 3})
        result = run("certify", study)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("training.initial_weights: a string expected", result.stderr)
        study = self.write_study(training={"initial_weights": ""})
        self.assertIn("the name of an NPZ file expected", run("certify", study).stderr)
        study = self.write_study(SMALL_STUDY)
        for arguments, part in ((["--trial", 0], "--out DIR or --weights FILE expected"),
                                (["--trial", 0, "--precision", "fp64"], "--weights"),
                                (["--trial", 0, "--weights", self.folder / "x", "--precision", "fp8"],
                                 "fp8"),
                                (["--trial", 0, "--weights", self.folder / "no" / "x.npz"], "x.npz")):
            result = run("export", study, *arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
            self.assertIn(part, result.stderr)


if __name__ == "__main__":
    unittest.main()

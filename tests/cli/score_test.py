"""Stability scores: every claim is held against exact rational arithmetic and mpmath."""

import json
import signal
import subprocess
import time
import unittest
from fractions import Fraction

import mpmath
import numpy

from support import FolderTest, command, exact, require_mnist, run, study_text

DIGITS = 100
PRECISIONS = ["fp32", "fp16", "bf16"]


def integers(array):
    """An array of floats as Python integers, and the power of two that they were multiplied by."""
    fractions = [Fraction(float(x)) for x in array.flat]
    shift = max((x.denominator.bit_length() - 1 for x in fractions), default=0)
    scaled = numpy.empty(len(fractions), dtype=object)
    scaled[:] = [x.numerator * (2**shift // x.denominator) for x in fractions]
    return scaled.reshape(array.shape), shift


def exact_outputs(features, weights):
    """Outputs of dense layers with ReLU between them: integers, and one power of two."""
    x, shift = integers(features)
    layers = list(zip(weights[::2], weights[1::2]))
    for index, (matrix, bias) in enumerate(layers):
        w, w_shift = integers(matrix)
        b, b_shift = integers(bias)
        y = numpy.zeros((len(x), w.shape[1]), dtype=object)
        for row, out in zip(x, y):
            used = numpy.flatnonzero(row != 0)  # most pixels are black
            if used.size > 0:
                out[:] = row[used].dot(w[used])
        shift += w_shift
        common = max(shift, b_shift)
        x = y * 2 ** (common - shift) + b * 2 ** (common - b_shift)
        shift = common
        if index + 1 < len(layers):
            x = numpy.maximum(x, 0)
    return x, shift


def cross_entropy(row, shift, label):
    """Of one sample's exact outputs, to DIGITS digits."""
    differences = [mpmath.ldexp(mpmath.mpf(int(o - row[label])), -shift) for o in row]
    return mpmath.log(mpmath.fsum(mpmath.exp(x) for x in differences))


class ScoreTest(FolderTest):
    def setUp(self):
        super().setUp()
        mpmath.mp.dps = DIGITS

    def score(self, *arguments, code=0):
        result = run("score", *arguments, "--quiet", "--json", "--samples")
        self.assertEqual((result.returncode, result.stderr), (code, ""))
        return json.loads(result.stdout)

    def learn(self, study, *arguments, name="learnt.npz"):
        """Weights after native training: their file, and the arrays in order."""
        file = self.folder / name
        result = run("export", study, "--trial", 0, "--weights", file, *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        with numpy.load(file) as arrays:
            return file, [arrays[one] for one in arrays.files]

    def validation(self, study):
        directory = self.folder / "exported"
        self.assertEqual(run("export", study, "--trial", 0, "--out", directory).returncode, 0)
        return (numpy.load(directory / "validation_x.npy"),
                numpy.load(directory / "validation_y.npy"))

    def check_error(self, error, computed, truth):
        size = abs(mpmath.mpf(computed) - truth)
        self.assertLessEqual(mpmath.mpf(error["lower"]), size)
        self.assertLessEqual(size, mpmath.mpf(error["upper"]))

    def check_enclosure(self, bounds, truth):
        lower, upper = (exact(bounds[key]) for key in ("lower", "upper"))
        slack = mpmath.mpf(10) ** (10 - DIGITS)
        self.assertLessEqual(mpmath.mpf(lower.numerator) / lower.denominator, truth + slack)
        self.assertLessEqual(truth - slack, mpmath.mpf(upper.numerator) / upper.denominator)

    def check_model(self, model, features, labels, weights):
        """Losses, errors, labels and counts of a model with dense layers and ReLU."""
        outputs, shift = exact_outputs(features, weights)
        losses = [cross_entropy(row, shift, label) for row, label in zip(outputs, labels)]
        predicted = [max(range(len(row)), key=lambda k, row=row: row[k]) for row in outputs]
        mean = mpmath.fsum(losses) / len(losses)
        self.check_enclosure(model["loss"], mean)
        for sample, loss, label in zip(model["samples"], losses, predicted, strict=True):
            self.check_enclosure(sample["loss"], loss)
            self.assertEqual(sample["label"], label)
        for native in model["native"]:
            with self.subTest(precision=native["precision"]):
                self.check_error(native["certified_error"], native["loss"], mean)
                self.check_native(native, losses, predicted)

    def check_native(self, native, losses, predicted):
        total = mpmath.mpf(0)
        flips = []
        for i, (sample, loss, label) in enumerate(
                zip(native["samples"], losses, predicted, strict=True)):
            self.check_error(sample["certified_error"], sample["loss"], loss)
            total += abs(mpmath.mpf(sample["loss"]) - loss)
            self.assertEqual(sample["same_label"],
                             "certified" if sample["label"] == label else "refuted")
            if sample["label"] != label:
                flips.append({"sample": i, "native": sample["label"], "exact": label})
        same = len(losses) - len(flips)
        self.assertEqual(native["labels"], {"certified": same, "flipped": len(flips),
                                            "undecided": 0, "share": same / len(losses)})
        self.assertEqual([{key: flip[key] for key in ("sample", "native", "exact")}
                          for flip in native["flips"]], flips)
        digits = -mpmath.log10(total / mpmath.fsum(losses))
        self.assertLessEqual(native["digits"], digits)
        self.assertGreater(native["digits"], digits - mpmath.mpf("0.001"))


class ExactArithmeticTest(ScoreTest):
    def test_a_small_network(self):
        for trained_in in ("fp32", "fp64"):
            with self.subTest(trained_in=trained_in):
                study = self.write_study()
                file, weights = self.learn(study, "--precision", trained_in)
                document = self.score(study, "--weights", file, "--precision", "fp64",
                                      *(word for name in PRECISIONS
                                        for word in ("--precision", name)))
                self.assertEqual(document["models"][0]["status"], "certified")
                self.check_model(document["models"][0], *self.validation(study), weights)
                for path in (self.folder / "exported").iterdir():
                    path.unlink()

    def test_a_thousand_digits_of_mnist(self):
        require_mnist()
        study = self.write_study(
            problem={"dataset": "mnist", "pool": 1, "train": 500, "validation": 1000,
                     "network": ["dense 16", "relu", "dense 10"]},
            training={"epochs": 2, "batch": 32},
            search={"configurations": [{"lr": 0.1}]})
        file, weights = self.learn(study)
        document = self.score(study, "--weights", file,
                              *(word for name in PRECISIONS for word in ("--precision", name)))
        model = document["models"][0]
        self.assertEqual(model["status"], "certified")
        self.check_model(model, *self.validation(study), weights)
        self.assertEqual(sum(len(native["samples"]) for native in model["native"]), 3000)
        bf16 = model["native"][2]
        self.assertGreater(len(bf16["flips"]), 0)  # or the count of labels was never put to the test

    def test_rounding_weights(self):
        """L(round(w)) − L(w), with the rounding done here."""
        study = self.write_study()
        file, weights = self.learn(study)
        features, labels = self.validation(study)
        document = self.score(study, "--weights", file, "--precision", "fp32",
                              "--precision", "fp16", "--precision", "bf16-mixed")
        fp32, fp16, mixed = document["models"][0]["native"]

        def mean(parameters):
            outputs, shift = exact_outputs(features, parameters)
            return mpmath.fsum(cross_entropy(row, shift, label)
                               for row, label in zip(outputs, labels)) / len(labels)

        self.assertEqual([one["weights"] for one in (fp32, fp16, mixed)],
                         ["none", "rounded", "none"])
        for one in (fp32, mixed):
            self.assertEqual([float(bound) for bound in one["weight_error"].values()], [0, 0])
        rounded = [x.astype(numpy.float16).astype(numpy.float32) for x in weights]
        self.check_enclosure(fp16["weight_error"], mean(rounded) - mean(weights))

    def test_trained_models_are_scored_with_what_they_learnt(self):
        study = self.write_study(native={"precision": ["bf16", "fp32"]})
        document = self.score(study, "--trial", 1)
        self.assertEqual([model["trained_in"] for model in document["models"]], ["bf16", "fp32"])
        self.assertEqual([len(model["native"]) for model in document["models"]], [1, 1])
        certified = json.loads(run("certify", study, "--json", "--quiet").stdout)["trials"][1]
        for model, native in zip(document["models"], certified["native"], strict=True):
            self.assertEqual(model["native"][0]["loss"], native["loss"])
        together = self.score(study, "--trial", 1, "--trained-in", "fp32")["models"]
        self.assertEqual(len(together), 1)
        self.assertEqual([one["precision"] for one in together[0]["native"]], ["bf16", "fp32"])
        self.assertEqual(together[0]["loss"], document["models"][1]["loss"])


class TableTest(ScoreTest):
    def test_one_line_a_model_and_precision(self):
        study = self.write_study()
        first, _ = self.learn(study, name="first.npz")
        second, _ = self.learn(study, "--precision", "fp64", name="second.npz")
        result = run("score", study, "--weights", first, "--weights", second, "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0].split()[:2], ["model", "precision"])
        self.assertEqual([line.split()[:2] for line in lines[1:5]],
                         [[str(file), name] for file in (first, second)
                          for name in ("fp32", "fp64")])
        other = self.write("other.toml", study_text(problem={"network": ["dense 3"]}))
        result = run("score", study, other, "--trial", 0, "--trial", 2, "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(len(result.stdout.splitlines()), 1 + 2 * 2 * 2)

    def test_a_diverged_training_has_a_name(self):
        study = self.write_study(search={"configurations": [{"lr": 1e30}]},
                                 native={"precision": ["fp32"]})
        result = run("score", study, "--quiet")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("diverged", result.stdout.splitlines()[1])
        self.assertIn("training diverged: its weights are infinite or NaN", result.stdout)
        model = self.score(study)["models"][0]
        self.assertEqual((model["status"], model["trained_in"]), ("diverged", "fp32"))
        self.assertNotIn("native", model)

    def test_ties_that_stay_open(self):
        document = self.score(*self.twins(), "--max-bits", 100, "--precision", "fp32", code=1)
        model = document["models"][0]
        self.assertEqual(model["status"], "undecided")
        self.assertEqual(model["open"], ["fp32: 30 labels are open"])
        native = model["native"][0]
        self.assertEqual(native["labels"]["undecided"], 30)
        self.assertEqual(native["undecided"][0], {
            "sample": 0, "native": native["samples"][0]["label"], "exact": None,
            "reason": "outputs 1 and 2 are not told apart at 100 bits"})

    def test_ctrl_c(self):
        """Ties that nothing decides, and bits without end."""
        process = subprocess.Popen(
            command("score", *self.twins(), "--max-bits", 2**20), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(output, "no model was scored\n")
        self.assertIn("numgeom: interrupted: 0 of 1 models scored", errors)

    def twins(self):
        """Two outputs that are always equal, which no enclosure of them shows."""
        study = self.write_study(problem={"network": ["dense 2", "tanh", "dense 3"]})
        numpy.savez(self.folder / "twins.npz", **{
            "dense1.weight": numpy.full((20, 2), 0.0625, dtype=numpy.float32),
            "dense1.bias": numpy.zeros((1, 2), dtype=numpy.float32),
            "dense2.weight": numpy.array([[0, 0, 0.1], [0, 0.1, 0]], dtype=numpy.float32),
            "dense2.bias": numpy.array([[0, 100, 100]], dtype=numpy.float32)})
        return study, "--weights", self.folder / "twins.npz"


class BadInputTest(ScoreTest):
    def refused(self, *arguments):
        result = run("score", *arguments)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(result.stderr.count("\n"), 1)
        return result.stderr

    def test_weights_that_are_no_weights_of_the_network(self):
        study = self.write_study()
        file, _ = self.learn(study)
        with numpy.load(file) as arrays:
            weights = {name: arrays[name] for name in arrays.files}

        def saved(**changes):
            arrays = {**weights, **changes}
            numpy.savez(self.folder / "bad.npz",
                        **{name: x for name, x in arrays.items() if x is not None})
            return self.refused(study, "--weights", self.folder / "bad.npz")

        for value, name in ((numpy.nan, "nan"), (-numpy.inf, "-inf")):
            bias = weights["dense1.bias"].copy()
            bias[0, 2] = value
            self.assertEqual(
                saved(**{"dense1.bias": bias}),
                f"numgeom: {self.folder}/bad.npz: array 'dense1.bias': row 1, column 3: {name} "
                "found, a finite number expected\n")
        self.assertEqual(
            saved(**{"dense2.weight": weights["dense2.weight"].T}),
            f"numgeom: {self.folder}/bad.npz: array 'dense2.weight': shape 3×8 found, 8×3 expected "
            "for layer dense2 of the network dense 8 – relu – dense 3\n")
        self.assertIn("array 'dense1.bias' is missing", saved(**{"dense1.bias": None}))
        self.assertIn("array 'extra' found, the network has dense1.weight",
                      saved(extra=numpy.zeros(3)))
        self.assertIn("none.npz", self.refused(study, "--weights", self.folder / "none.npz"))

    def test_arguments(self):
        study = self.write_study()
        self.assertIn("3 trials, numbered from 0", self.refused(study, "--trial", 3))
        self.assertIn("precision: 'fp8' is unknown", self.refused(study, "--precision", "fp8"))
        self.assertIn("precision: 'fp8' is unknown", self.refused(study, "--trained-in", "fp8"))
        self.assertIn("tightness: a finite number > 1 expected, not 1",
                      self.refused(study, "--tightness", 1))
        self.assertIn("max_bits: an integer from 53", self.refused(study, "--max-bits", 10))
        file, _ = self.learn(study)
        self.assertIn("--weights: one study and one trial expected",
                      self.refused(study, study, "--weights", file))
        self.assertIn("one study and one trial expected",
                      self.refused(study, "--trial", 0, "--trial", 1, "--weights", file))
        self.assertIn("--weights", self.refused(study, "--weights", file, "--trained-in", "fp32"))
        self.assertIn("none.toml", self.refused(self.folder / "none.toml"))


if __name__ == "__main__":
    unittest.main()

"""The JSON of `score`: its fields, and that what it claims follows from the bounds it states."""

import json
import unittest
from fractions import Fraction

from support import FolderTest, exact, run

ULP = Fraction(1, 2**52)  # what one rounding of a double changes, at most

MODEL = {"name", "study", "trial", "problem", "trained_in", "status", "open", "loss", "condition",
         "bits", "native", "seconds"}
NATIVE = {"precision", "status", "loss", "certified_error", "digits", "labels", "flips",
          "undecided", "weights", "weight_error"}


class SchemaTest(FolderTest):
    def document(self, *arguments, code=0, **changes):
        result = run("score", self.write_study(**changes), "--json", "--quiet", *arguments)
        self.assertEqual((result.returncode, result.stderr), (code, ""))
        return json.loads(result.stdout)

    def test_the_fields(self):
        document = self.document("--trial", 1)
        self.assertEqual(list(document), ["schema_version", "build", "score", "models"])
        self.assertEqual(document["schema_version"], 1)
        self.assertEqual(set(document["build"]), {"version", "compiler", "flags", "simd"})
        self.assertEqual(document["score"], {"tightness": 1.001, "max_bits": 8192})
        for model, name in zip(document["models"], ["fp32", "fp64"], strict=True):
            self.assertEqual(set(model), MODEL)
            study = str(self.folder / "study.toml")
            self.assertEqual((model["name"], model["study"], model["trial"]),
                             (f"{study} trial 1 ({name})", study, 1))
            self.assertEqual(model["problem"], {
                "data": "synthetic: 60 training and 30 validation rows, scale standardise",
                "samples": 30, "features": 20, "classes": 3,
                "network": ["dense 8", "relu", "dense 3"], "loss": "cross_entropy"})
            self.assertEqual(set(model["loss"]), {"lower", "upper", "width"})
            self.assertEqual((model["status"], model["open"]), ("certified", []))
            (native,) = model["native"]
            self.assertEqual(set(native), NATIVE)
            self.assertEqual(native["precision"], name)
            self.assertEqual(set(native["labels"]), {"certified", "flipped", "undecided", "share"})

    def test_samples(self):
        model = self.document("--samples")["models"][0]
        self.assertEqual(set(model), MODEL | {"samples"})
        self.assertEqual(len(model["samples"]), 30)
        for sample in model["samples"]:
            self.assertEqual(set(sample), {"loss", "bits", "label"})
        samples = model["native"][0]["samples"]
        self.assertEqual(len(samples), 30)
        for sample in samples:
            self.assertEqual(set(sample), {"loss", "certified_error", "label", "same_label"})

    def test_real_targets_have_no_labels(self):
        document = self.document("--samples", problem={
            "dataset": "synthetic_regression", "loss": "squared_error",
            "network": ["dense 8", "relu", "dense 1"]})
        for model in document["models"]:
            self.assertEqual(model["status"], "certified")
            self.assertIsNone(model["native"][0]["labels"])
            self.assertEqual(set(model["samples"][0]), {"loss", "bits"})
            self.assertEqual(set(model["native"][0]["samples"][0]), {"loss", "certified_error"})

    def test_the_claims_follow_from_the_bounds(self):
        document = self.document("--samples", "--trained-in", "fp64", *(
            word for name in ("fp64", "fp32", "fp16", "bf16", "bf16-mixed-stochastic")
            for word in ("--precision", name)))
        (model,) = document["models"]
        loss = tuple(exact(model["loss"][key]) for key in ("lower", "upper"))
        for native in model["native"]:
            with self.subTest(precision=native["precision"]):
                self.check_error(native["loss"], native["certified_error"], loss)
                errors = Fraction(0)
                for sample, truth in zip(native["samples"], model["samples"], strict=True):
                    bounds = tuple(exact(truth["loss"][key]) for key in ("lower", "upper"))
                    self.check_error(sample["loss"], sample["certified_error"], bounds)
                    errors += Fraction(sample["certified_error"]["upper"])
                    self.assertEqual(sample["same_label"] == "certified",
                                     sample["label"] == truth["label"])
                # 10^-digits ≥ the relative error, to the accuracy of a power in doubles.
                self.assertGreaterEqual(10 ** -native["digits"] * (1 + 1e-12),
                                        float(errors / (30 * loss[0])))
                same = sum(one["same_label"] == "certified" for one in native["samples"])
                self.assertEqual(native["labels"]["certified"], same)
                self.assertEqual(native["labels"]["share"], same / 30)
                self.assertEqual(len(native["flips"]), native["labels"]["flipped"])

    def check_error(self, computed, error, bounds):
        lower, upper = bounds
        slack = upper - lower  # decimals are rounded outward
        farthest = max(abs(Fraction(computed) - one) for one in bounds)
        nearest = max(lower - Fraction(computed), Fraction(computed) - upper, Fraction(0))
        self.assertLessEqual(nearest * (1 - ULP), Fraction(error["lower"]))
        self.assertLessEqual(Fraction(error["lower"]), nearest + slack)
        self.assertLessEqual(farthest - slack, Fraction(error["upper"]))
        self.assertLessEqual(Fraction(error["upper"]), farthest * (1 + ULP))

    def test_the_file_is_what_stdout_would_get(self):
        path = self.folder / "x.json"
        result = run("score", self.write_study(), "--json", path, "--quiet")
        self.assertEqual(result.returncode, 0)
        self.assertIn("precision", result.stdout)
        self.assertEqual(set(json.loads(path.read_text())["models"][0]), MODEL)


if __name__ == "__main__":
    unittest.main()

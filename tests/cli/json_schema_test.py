"""The JSON of `certify`: its fields, and that what it claims follows from the bounds it states."""

import json
import unittest
from fractions import Fraction

from support import EXAMPLE_STUDY, FolderTest, certify, exact, run, study_text

INFINITE = ("inf", "-inf", "nan")
ULP = Fraction(1, 2**52)  # what one rounding of a double changes, at most


def fields(value):
    return set(value)


def number(value):
    """A double as JSON holds it, as a fraction; None where it is infinite or NaN."""
    return None if value in INFINITE else Fraction(value)


# The third trial diverges in fp32, and is left undecided.
STUDY = study_text(
    problem={"network": ["dense 8", "relu", "dense 8", "relu", "dense 3"]},
    training={"epochs": 4, "seed": 11},
    search={"configurations": [{"lr": 0.01}, {"lr": 0.1, "weight_decay": 0.001}, {"lr": 1e30},
                               {"lr": 3.0}]},
    certify={"max_bits": 128})


class SchemaTest(FolderTest):
    """The fields of one document."""

    def setUp(self):
        super().setUp()
        result = run("certify", self.write("study.toml", STUDY), "--json", "--quiet")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.output = result.stdout
        self.document = json.loads(result.stdout)

    def test_the_fields(self):
        document = self.document
        self.assertEqual(fields(document), {"schema_version", "problem", "build", "certify", "trials",
                                            "ranking", "estimators"})
        self.assertEqual(document["schema_version"], 1)
        self.assertEqual(document["problem"], {
            "dataset": "synthetic",
            "data": "synthetic: 60 training and 30 validation rows, scale standardise",
            "train": 60, "validation": 30, "features": 20, "classes": 3,
            "network": ["dense 8", "relu", "dense 8", "relu", "dense 3"], "loss": "cross_entropy",
            "optimizer": "sgd", "initialization": "he", "epochs": 4, "batch": 16})
        self.assertEqual(fields(document["build"]), {"version", "compiler", "flags", "simd"})
        self.assertEqual(document["build"]["version"], run("--version").stdout.strip())
        self.assertIn("-ffp-contract=off", document["build"]["flags"])
        self.assertEqual(document["certify"], {"width": 1e-9, "tightness": 1.001, "max_bits": 128})
        self.assertEqual(fields(document["ranking"]), {"order", "total", "pairs", "native"})
        for pair in document["ranking"]["pairs"]:
            self.assertEqual(fields(pair), {"first", "second", "less", "reason"})
        for native, name in zip(document["ranking"]["native"], ["fp32", "fp64"], strict=True):
            self.assertEqual(fields(native), {"precision", "indistinguishable", "flips"})
            self.assertEqual(native["precision"], name)
        for score in document["estimators"]:
            self.assertEqual(fields(score), {"precision", "estimator", "trials", "covered",
                                             "median_overestimation", "high_overestimation"})

    def test_the_fields_of_a_trial(self):
        self.assertEqual([trial["configuration"] for trial in self.document["trials"]],
                         [{"lr": 0.01, "weight_decay": 0}, {"lr": 0.1, "weight_decay": 0.001},
                          {"lr": 1e30, "weight_decay": 0}, {"lr": 3.0, "weight_decay": 0}])
        for trial in self.document["trials"]:
            self.assertEqual(fields(trial), {"configuration", "seed", "native", "enclosure"})
            self.assertEqual(trial["seed"], 11)
            enclosure = trial["enclosure"]
            reason = {"reason"} if enclosure["status"] == "undecided" else set()
            self.assertEqual(fields(enclosure), {
                "lower", "upper", "width", "status", "rung", "predicted_bits", "attempts", "errors",
                "steps", "seconds"} | reason)
            for one in enclosure["steps"]:
                self.assertEqual(fields(one), {"step", "log2_radius"})
            steps = [one["step"] for one in enclosure["steps"]]
            self.assertEqual(steps, sorted(set(steps)))
            self.assertEqual(fields(enclosure["rung"]), {"way", "arithmetic", "bits"})
            self.assertIsInstance(enclosure["lower"], str)
            self.assertIsInstance(enclosure["upper"], str)
            for run_, name in zip(trial["native"], ["fp32", "fp64"], strict=True):
                self.assertEqual(fields(run_), {
                    "precision", "loss", "errors", "status", "certified_error", "estimates",
                    "tightness", "seconds", "estimate_seconds"})
                self.assertEqual(run_["precision"], name)
                self.assertEqual(fields(run_["certified_error"]), {"lower", "upper"})
                self.assertEqual(fields(run_["estimates"]), {"phi", "phi_seed"})
                self.assertEqual(fields(run_["tightness"]), {"phi", "phi_seed"})

    def test_a_diverged_run_has_a_name_and_its_numbers_are_strings(self):
        diverged = self.document["trials"][2]["native"][0]
        self.assertEqual(diverged["status"], "diverged")
        self.assertIn(diverged["loss"], INFINITE)
        self.assertEqual(diverged["certified_error"], {"lower": "inf", "upper": "inf"})
        for trial in (0, 1, 3):
            for native in self.document["trials"][trial]["native"]:
                self.assertEqual(native["status"], "ok")
                self.assertIsInstance(native["loss"], float)

    def test_undecided_trials_say_why(self):
        enclosures = [trial["enclosure"] for trial in self.document["trials"]]
        self.assertEqual([one["status"] for one in enclosures],
                         ["certified", "certified", "undecided", "certified"])
        self.assertIn("at 128 bits", enclosures[2]["reason"])

    def test_it_is_strict_json_and_doubles_read_back(self):
        def refuse(constant):
            raise AssertionError(f"{constant} is not JSON")

        document = json.loads(self.output, parse_constant=refuse, parse_float=str)

        def texts(value):
            if isinstance(value, dict):
                return [text for one in value.values() for text in texts(one)]
            if isinstance(value, list):
                return [text for one in value for text in texts(one)]
            return [value] if isinstance(value, str) and value[0] in "-0123456789" else []

        doubles = [text for text in texts(document["trials"]) if "." in text]
        self.assertGreater(len(doubles), 40)
        for native in document["trials"][0]["native"]:  # shortest text that reads back
            self.assertEqual(repr(float(native["loss"])), native["loss"])

    def test_the_file_is_what_stdout_would_get(self):
        path = self.folder / "x.json"
        run("certify", self.folder / "study.toml", "--json", path, "--quiet")
        self.assertEqual(json.loads(path.read_text()).keys(), self.document.keys())
        self.assertTrue(path.read_text().endswith("}\n"))


class ClaimsTest(FolderTest):
    """Everything that a document claims, recomputed in rational numbers."""

    def check(self, document):
        trials = document["trials"]
        bounds = [self.check_enclosure(document["certify"], trial["enclosure"]) for trial in trials]
        for trial, bound in zip(trials, bounds):
            for native in trial["native"]:
                self.check_error(native, bound, document["certify"], trial["enclosure"]["status"])
        self.check_pairs(document["ranking"], bounds)
        for run_, native in enumerate(document["ranking"]["native"]):
            self.check_native_ranking(native, [trial["native"][run_] for trial in trials], bounds)

    def check_enclosure(self, asked, enclosure):
        if enclosure["width"] == "inf":
            self.assertIn("inf", (enclosure["lower"], enclosure["upper"]))
            return None
        lower, upper = exact(enclosure["lower"]), exact(enclosure["upper"])
        self.assertLessEqual(lower, upper)
        # The decimals are rounded outward, by no more than the bounds are apart.
        self.assertGreaterEqual(upper - lower, Fraction(enclosure["width"]) * (1 - ULP))
        self.assertLessEqual(upper - lower, 2 * Fraction(enclosure["width"]))
        self.assertLessEqual(enclosure["errors"]["lower"], enclosure["errors"]["upper"])
        if enclosure["status"] == "certified":
            self.assertLessEqual(enclosure["width"], asked["width"])
        return lower, upper

    def check_error(self, native, bound, asked, status):
        loss, low, high = (number(native["loss"]), number(native["certified_error"]["lower"]),
                           number(native["certified_error"]["upper"]))
        if native["status"] == "diverged":
            self.assertEqual((loss, low, high), (None, None, None))
            return
        if bound is None:
            self.assertIsNone(high)
            return
        lower, upper = bound
        # The decimals are up to twice as far apart as the bounds that the errors were taken from.
        slack = upper - lower
        farthest = max(abs(loss - lower), abs(loss - upper))
        nearest = max(lower - loss, loss - upper, Fraction(0))
        self.assertLessEqual(nearest * (1 - ULP), low)
        self.assertLessEqual(low, nearest + slack)
        self.assertLessEqual(farthest - slack, high)
        self.assertLessEqual(high, farthest * (1 + ULP))
        if status == "certified":
            self.assertLessEqual(high, Fraction(asked["tightness"]) * low)
        for name, estimate in native["estimates"].items():
            self.check_tightness(native["tightness"][name], number(estimate), low, high)

    def check_tightness(self, stated, estimate, low, high):
        if estimate is None or low == 0:
            return
        self.assertLessEqual(number(stated["lower"]), estimate / high)
        self.assertGreaterEqual(number(stated["upper"]), estimate / low)

    def check_pairs(self, ranking, bounds):
        count = len(bounds)
        self.assertEqual([(pair["first"], pair["second"]) for pair in ranking["pairs"]],
                         [(i, j) for i in range(count) for j in range(i + 1, count)])
        for pair in ranking["pairs"]:
            first, second = bounds[pair["first"]], bounds[pair["second"]]
            expected = "undecided"
            if first and second and first[1] < second[0]:
                expected = "certified"
            elif first and second and second[1] <= first[0]:
                expected = "refuted"
            self.assertEqual(pair["less"], expected, pair)
        self.assertEqual(ranking["total"],
                         all(pair["less"] != "undecided" for pair in ranking["pairs"]))
        self.assertEqual(sorted(ranking["order"]), list(range(count)))
        position = {trial: place for place, trial in enumerate(ranking["order"])}
        for pair in ranking["pairs"]:
            if pair["less"] != "undecided":
                self.assertEqual(position[pair["first"]] < position[pair["second"]],
                                 pair["less"] == "certified")

    def check_native_ranking(self, ranking, natives, bounds):
        """L̂(θ) ≤ L̂_best + δ_best + δ(θ), and the pairs that native losses order wrongly."""
        finite = [i for i, native in enumerate(natives) if native["status"] == "ok"]
        losses = {i: Fraction(natives[i]["loss"]) for i in finite}
        errors = {i: number(natives[i]["certified_error"]["upper"]) for i in finite}
        best = min(finite, key=lambda i: losses[i])

        def beaten(i):
            return any(other and bounds[i] and other[1] < bounds[i][0] for other in bounds)

        def belongs(i):
            if i not in losses:
                return not beaten(i)
            if errors[i] is None or errors[best] is None:
                return True
            return losses[i] <= losses[best] + errors[best] + errors[i]

        self.assertEqual(ranking["indistinguishable"],
                         [i for i in range(len(natives)) if belongs(i)])
        certain = [(i, j) for i in range(len(natives)) for j in range(len(natives))
                   if bounds[i] and bounds[j] and bounds[i][1] < bounds[j][0]]
        flips = {(j, i) for i, j in certain
                 if j in losses and (i not in losses or losses[j] < losses[i])}
        self.assertEqual({(flip["native_better"], flip["exact_better"])
                          for flip in ranking["flips"]}, flips)

    def test_a_study_with_everything(self):
        result = run("certify", self.write("study.toml", STUDY), "--json", "--quiet")
        self.check(json.loads(result.stdout))

    def test_diverged_runs_with_bounded_enclosures(self):
        """A step so large that fp32 overflows while the exact loss is an ordinary number."""
        document = certify(self.write_study(
            problem={"network": ["dense 3"]}, training={"epochs": 1, "batch": 60},
            search={"configurations": [{"lr": 0.5}, {"lr": 1e38}, {"lr": 3e38}, {"lr": 1e300}]}))
        statuses = [trial["native"][0]["status"] for trial in document["trials"]]
        self.assertEqual(statuses[0], "ok")
        self.assertIn("diverged", statuses)
        for trial in document["trials"]:
            self.assertNotEqual(trial["enclosure"]["width"], "inf")
        self.check(document)

    def test_close_configurations(self):
        """Learning rates a few ulps apart: native losses tie or flip, enclosures need not."""
        document = certify(self.write_study(search={
            "configurations": [{"lr": 0.1 * (1 + k * 2.0 ** -40)} for k in range(8)]}))
        self.assertGreater(len(document["ranking"]["native"][0]["indistinguishable"]), 1)
        self.check(document)

    def test_many_sampled_configurations(self):
        self.check(certify(self.write_study(
            training={"epochs": 4}, space={"lr": {"low": 1e-3, "high": 1.0, "scale": "log"}},
            search={"configurations": None, "method": "sobol", "trials": 16})))


if __name__ == "__main__":
    unittest.main()

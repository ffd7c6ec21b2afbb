"""Altered certificates are refused, each with its reason; untouched ones are accepted."""

import copy
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy

sys.path.append(str(pathlib.Path(__file__).parents[1] / "cli"))
from support import run, study_text  # noqa: E402

VERIFIER = os.environ["NUMGEOM_VERIFIER"]
STUDY = {
    "problem": {"dataset": "digits", "train": 96, "validation": 48,
                "network": ["dense 12", "relu", "dropout 0.25", "dense 10"]},
    "training": {"epochs": 2, "batch": 32},
    "native": {"precision": ["fp32", "bf16"]},
    "search": {"method": "list", "configurations": [
        {"lr": 0.01, "weight_decay": 0.001}, {"lr": 0.02, "weight_decay": 0.001},
        {"lr": 0.0101, "weight_decay": 0.001}, {"lr": 0.1, "weight_decay": 0.001}]},
}
# Long enough for the stepwise way.
PLAIN = {**STUDY, "training": {"epochs": 10, "batch": 16}, "problem": {**STUDY["problem"], "network": ["dense 12", "relu", "dense 10"]}}


def verify(certificate, *arguments):
    return subprocess.run([VERIFIER, certificate, "--quiet", *arguments], check=False,
                          capture_output=True, text=True, timeout=600)


def sealed(document):
    """The text of a certificate with the digest that belongs to it."""
    body = json.dumps({key: value for key, value in document.items() if key != "sha256"})[:-1] + ","
    return f'{body}\n"sha256": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'


def parts(number):
    """m and e of m·2^e."""
    mantissa, exponent = number.split("p")
    return int(mantissa, 16), int(exponent)


def text_of(mantissa, exponent):
    return f"{'-' if mantissa < 0 else ''}0x{abs(mantissa):x}p{exponent}"


def moved(number, places, bits=0):
    """A number moved by units in its last of (at least) so many bits."""
    mantissa, exponent = parts(number)
    shift = max(0, bits - abs(mantissa).bit_length())
    return text_of((mantissa << shift) + places, exponent - shift)


def scaled(number, factor):
    mantissa, exponent = parts(number)
    return text_of(int(mantissa * 2 ** 60 * factor), exponent - 60)


def middle(enclosure):
    (a, e), (b, f) = parts(enclosure["lower"]), parts(enclosure["upper"])
    low = min(e, f)
    return text_of((a << (e - low)) + (b << (f - low)), low - 1)


class Forgery:
    """A certificate that can be changed, its inputs, and what it looks like when it is written."""

    def __init__(self, original):
        self.document = copy.deepcopy(original)
        self.inputs = {}  # changed ones: hash → bytes, or None to take it away

    @property
    def trials(self):
        return self.document["trials"]

    @property
    def ranking(self):
        return self.document["ranking"]

    def stepwise(self):
        return next(trial for trial in self.trials if trial["chain"])

    def array(self, folder, holder, key, change):
        """Changes an input and puts its new hash where the old one was."""
        array = numpy.load(folder / f"{holder[key]}.npy")
        array = change(array.copy())
        buffer = io.BytesIO()
        numpy.save(buffer, array)
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        self.inputs[digest] = buffer.getvalue()
        holder[key] = digest


# Claims: name → (what is changed, a part of the reason).
CLAIMS = {
    "wrong format": (lambda f: f.document.update(format="certificate"), "format"),
    "a later version": (lambda f: f.document.update(version=2), "version: an integer from 1 to 1"),
    "a version that overflows": (lambda f: f.document.update(version=10 ** 30), "no integer"),
    "an unknown key": (lambda f: f.document.update(remark="true"), "unknown key 'remark'"),
    "an unknown key in a trial": (lambda f: f.trials[0].update(remark=""), "unknown key 'remark'"),
    "a key is missing": (lambda f: f.trials[0].pop("chain"), "'chain' expected"),
    "other foundations": (lambda f: f.document["rests_on"].update(order="trust"),
                          "rests_on.order"),
    "no trials": (lambda f: f.document.update(trials=[]), "one or more"),
    "a number with a point": (lambda f: f.document["problem"].update(features=64.0), "no integer"),
    "NaN as an endpoint": (lambda f: f.trials[0]["enclosure"].update(lower="nan"),
                           "trials[0].enclosure.lower: a number"),
    "infinity on the wrong side": (lambda f: f.trials[0]["enclosure"].update(lower="inf"),
                                   "trials[0].enclosure.lower: a number"),
    "a decimal endpoint": (lambda f: f.trials[0]["enclosure"].update(lower="0.5"), "0x1a2bp-7"),
    "an exponent beyond bounds": (lambda f: f.trials[0]["enclosure"].update(upper="0x1p99999999"),
                                  "0x1a2bp-7"),
    "an empty enclosure": (lambda f: f.trials[0]["enclosure"].update(
        lower=f.trials[0]["enclosure"]["upper"], upper=f.trials[0]["enclosure"]["lower"]),
        "trial 0"),
    "an unbounded enclosure, certified": (lambda f: f.trials[0]["enclosure"].update(upper="inf"),
                                          "trial 0"),
    "the upper end moved outward": (lambda f: move_outward(f, "upper", 2 ** 80),
                                    "error.upper is less"),
    "the lower end moved outward": (lambda f: move_outward(f, "lower", -2 ** 80),
                                    "error.upper is less"),
    "a wider enclosure than was asked": (lambda f: f.document["asked"].update(width="0x1p-200"),
                                         "wider than was asked"),
    "errors less well known than was asked": (lambda f: f.document["asked"].update(
        tightness="0x1p-1"), "greater than was asked"),
    "an error's lower bound raised by one place": (lambda f: error(f, 0).update(
        lower=moved(error(f, 0)["lower"], 1, 53)), "error.lower is greater"),
    "an error's upper bound lowered by one place": (lambda f: error(f, 0).update(
        upper=moved(error(f, 0)["upper"], -1, 53)), "error.upper is less"),
    "no error of a run that did not diverge": (lambda f: error(f, 0).update(upper="inf"),
                                               "greater than was asked"),
    "a diverged run with an error": (lambda f: f.trials[0]["native"][0].update(loss="nan"),
                                     "infinite errors of a diverged run"),
    "another native loss": (lambda f: f.trials[0]["native"][0].update(
        loss=scaled(f.trials[0]["native"][0]["loss"], 0.999)), "trial 0, fp32: error"),
    "another precision in one trial": (lambda f: f.trials[1]["native"][0].update(precision="fp16"),
                                       "trial 1: the precisions of trial 0"),
    "two runs in one precision": (lambda f: f.trials[0]["native"][1].update(precision="fp32"),
                                  "two native runs in fp32"),
    "a dropped trial": (lambda f: f.trials.pop(), "from 0 to 2"),
    "a trial twice": (lambda f: f.trials.append(f.trials[0]), "expected in this place"),
    "a swapped order": (lambda f: f.ranking.update(order=f.ranking["order"][::-1]),
                        "proved to be worse"),
    "an order without one trial": (lambda f: f.ranking["order"].pop(), "every trial once"),
    "an order with one trial twice": (lambda f: f.ranking["order"].__setitem__(0, 1),
                                      "every trial once"),
    "an order of trials that do not exist": (lambda f: f.ranking["order"].__setitem__(0, 99),
                                             "from 0 to 3"),
    "a verdict turned round": (lambda f: f.ranking["pairs"][0].update(
        less="refuted" if f.ranking["pairs"][0]["less"] == "certified" else "certified"),
        "follows from the enclosures"),
    "a verdict that is no verdict": (lambda f: f.ranking["pairs"][0].update(less="likely"),
                                     "'certified', 'refuted', 'undecided' expected"),
    "a decided pair called undecided": (lambda f: f.ranking["pairs"][0].update(less="undecided"),
                                        "follows from the enclosures"),
    "a pair less": (lambda f: f.ranking["pairs"].pop(), "missing"),
    "a pair more": (lambda f: f.ranking["pairs"].append(f.ranking["pairs"][0]), "more than"),
    "pairs in another order": (lambda f: f.ranking["pairs"].reverse(), "expected in this place"),
    "total claimed wrongly": (lambda f: f.ranking.update(total=not f.ranking["total"]), "total"),
    "a member of the indistinguishable set dropped": (lambda f: f.ranking["native"][1][
        "indistinguishable"].pop(), "may be the best"),
    "the indistinguishable set of everything": (lambda f: f.ranking["native"][0].update(
        indistinguishable=list(range(4))), "proved not to be the best"),
    "an invented flip": (lambda f: f.ranking["native"][0]["flips"].append(
        {"native_better": 0, "exact_better": 1}), "flips in fp32"),
    "a precision of the ranking renamed": (lambda f: f.ranking["native"][0].update(
        precision="fp64"), "precisions in the order"),
    "one smaller Λ_t in a chain": (lambda f: f.stepwise()["chain"]["lipschitz"].__setitem__(
        4, scaled(f.stepwise()["chain"]["lipschitz"][4], 0.99)), "not that of the recurrence"),
    "one smaller ρ_t in a chain": (lambda f: f.stepwise()["chain"]["radius"].__setitem__(
        4, moved(f.stepwise()["chain"]["radius"][4], -16, 53)), "less than the recurrence"),
    "one smaller d_t in a chain": (lambda f: f.stepwise()["chain"]["defect"].__setitem__(
        2, scaled(f.stepwise()["chain"]["defect"][2], 0.5)), "not that of the recurrence"),
    "a negative d_t": (lambda f: f.stepwise()["chain"]["defect"].__setitem__(0, "-0x1p-60"),
                       "not negative"),
    "a chain one step short": (lambda f: f.stepwise()["chain"]["radius"].pop(), "as many radii"),
    "a stepwise enclosure without a chain": (lambda f: f.stepwise().update(chain=None),
                                             "a chain for the stepwise way"),
    "a hash that is none": (lambda f: f.trials[0]["inputs"].update(rates="0" * 63),
                            "64 hexadecimal digits"),
    "a negative learning rate": (lambda f: f.trials[0]["hyperparameters"].update(lr="-0x1p-7"),
                                 "not negative"),
}


def move_outward(forgery, end, places):
    """So far that only the upper bound on the error is wrong."""
    enclosure = forgery.trials[1]["enclosure"]
    enclosure[end] = moved(enclosure[end], places, 90)
    error(forgery, 1)["lower"] = "0x0p0"


def error(forgery, trial):
    return forgery.trials[trial]["native"][0]["error"]


def hide_the_loss(f):
    """Both ends moved together, so far that the truth is outside; the errors follow."""
    trial = f.trials[1]
    enclosure = trial["enclosure"]
    width = 2 ** 40
    mantissa, exponent = parts(enclosure["upper"])
    shift = 400
    unit = (mantissa << shift) // 2 ** 45
    enclosure.update(lower=text_of((mantissa << shift) + unit, exponent - shift),
                     upper=text_of((mantissa << shift) + unit + width, exponent - shift))
    trial.update(native=[])
    for other in f.trials:
        other["native"] = []
    f.ranking["native"] = []


def inward(f):
    """The lower end moved inward until only the last hair under the upper end is left."""
    trial = f.trials[1]
    upper = trial["enclosure"]["upper"]
    trial["enclosure"]["lower"] = moved(upper, -1, 2000)
    for other in f.trials:
        other["native"] = []
    f.ranking["native"] = []


# Inputs, found by training again.
INPUTS = {
    "the enclosure shifted": (lambda f, d: hide_the_loss(f), "outside of the enclosure"),
    "an end moved beyond the loss": (lambda f, d: inward(f), "outside of the enclosure"),
    "another data hash": (lambda f, d: f.document["problem"].update(train_x="0" * 64),
                          "no file"),
    "a damaged input": (lambda f, d: f.inputs.update(
        {f.document["problem"]["train_x"]: b"damaged"}), "another hash than its name"),
    "labels of two samples swapped": (lambda f, d: f.array(
        d, f.document["problem"], "validation_y", lambda y: numpy.roll(y, 1)), "outside"),
    "one pixel changed": (lambda f, d: f.array(
        d, f.document["problem"], "train_x", with_entry((0, 20), 0.9375)), "outside"),
    "a weight moved by one unit in the last place": (lambda f, d: f.array(
        d, f.trials[1]["inputs"]["parameters"], 0,
        lambda w: numpy.where(w == w[20, 3], numpy.nextafter(w, numpy.float32(9)), w)), "outside"),
    "weights of another shape": (lambda f, d: f.array(
        d, f.trials[1]["inputs"]["parameters"], 0, lambda w: w.T.copy()), "shapes of the network"),
    "two batches in another order": (lambda f, d: f.array(
        d, f.trials[1]["inputs"], "batch_indices", lambda i: numpy.roll(i, 32)), "outside"),
    "a row that does not exist": (lambda f, d: f.array(
        d, f.trials[1]["inputs"], "batch_indices", with_entry(0, 9999)), "rows of the training"),
    "a mask with one entry flipped": (lambda f, d: f.array(
        d, f.trials[1]["inputs"]["masks"], 0, lambda m: m ^ numpy.eye(*m.shape, dtype=m.dtype)),
        "outside"),
    "rates that are not the learning rate": (lambda f, d: f.array(
        d, f.trials[1]["inputs"], "rates", with_entry(1, 0.03)), "the learning rate in every"),
    "another weight decay": (lambda f, d: f.trials[1]["hyperparameters"].update(
        weight_decay="0x1p-9"), "outside"),
    "another activation": (lambda f, d: f.trials[1]["network"].__setitem__(1, "tanh"), "outside"),
    "another optimizer": (lambda f, d: f.trials[1].update(optimizer="momentum"), "outside"),
    "labels beyond the classes": (lambda f, d: f.array(
        d, f.document["problem"], "validation_y", with_entry(0, 10)), "labels: classes"),
    "an array without elements": (lambda f, d: f.array(
        d, f.trials[1]["inputs"], "rates", lambda r: r.reshape(-1, 1)[:, :0]), "an array of <f8"),
    "rates in two dimensions": (lambda f, d: f.array(
        d, f.trials[1]["inputs"], "rates", lambda r: numpy.stack([r, r], 1)), "one dimension but"),
    "weights in double precision": (lambda f, d: f.array(
        d, f.trials[1]["inputs"]["parameters"], 0, lambda w: w.astype(float)), "an array of <f4"),
    "masks of another type": (lambda f, d: f.array(
        d, f.trials[1]["inputs"]["masks"], 0, lambda m: m.astype(float)), "an array of |u1"),
    "a decay beyond its range": (lambda f, d: f.trials[1]["hyperparameters"].update(
        decay="0x1p1"), "decay: a number below 1"),
    "a rate that overflows": (lambda f, d: f.trials[1]["network"].__setitem__(
        2, "dropout 0.9e400"), "a number from 0 to 1"),
    "a pickled array": (lambda f, d: replace_bytes(
        f, f.document["problem"], "train_y", b"\x93NUMPY\x01\x00\x76\x00" + b"O" * 118),
        "an array of <i8"),
    "an array one element short": (lambda f, d: replace_bytes(
        f, f.document["problem"], "train_y",
        (d / f"{f.document['problem']['train_y']}.npy").read_bytes()[:-8]), "as the shape says"),
}


def with_entry(place, value):
    def change(array):
        array[place] = value
        return array
    return change


def replace_bytes(forgery, holder, key, content):
    holder[key] = hashlib.sha256(content).hexdigest()
    forgery.inputs[holder[key]] = content


class ForgeryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="numgeom-verify-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.certificates = {}
        for name, study in (("plain", PLAIN), ("dropout", STUDY)):
            (cls.folder / "study.toml").write_text(study_text(study))
            path = cls.folder / f"{name}.json"
            result = run("certify", cls.folder / "study.toml", "--certificate", path, "--quiet")
            if result.returncode != 0:
                raise AssertionError(result.stderr)
            cls.certificates[name] = path

    def forged(self, name):
        return Forgery(json.loads(self.certificates[name].read_text()))

    def check_refused(self, content, reason, *arguments):
        path = self.folder / "forged.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        result = verify(path, *arguments)
        self.assertEqual((result.returncode, result.stderr), (1, ""), result.stdout)
        self.assertRegex(result.stdout, r"\Arejected: [^\n]+\n\Z")
        self.assertIn(reason, result.stdout)

    def test_untouched_certificates_are_accepted(self):
        for path in self.certificates.values():
            for level in ("claims", "sample", "full"):
                result = verify(path, "--level", level)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                self.assertIn("accepted: 4 trials, 6 pairs", result.stdout)
        self.assertIn("trials 0 1 2 3\n", result.stdout)

    def test_sealing_a_certificate_again_changes_nothing(self):
        path = self.folder / "sealed.json"
        path.write_text(sealed(self.forged("plain").document))
        self.assertEqual(verify(path).returncode, 0)

    def test_altered_claims(self):
        for name, (change, reason) in CLAIMS.items():
            with self.subTest(name):
                forgery = self.forged("plain")
                change(forgery)
                self.check_refused(sealed(forgery.document), reason)

    def test_altered_inputs(self):
        for name, (change, reason) in INPUTS.items():
            with self.subTest(name):
                forgery = self.forged("dropout")
                inputs = self.folder / "forged.inputs"
                shutil.copytree(self.folder / "dropout.inputs", inputs)
                try:
                    change(forgery, inputs)
                    for digest, content in forgery.inputs.items():
                        (inputs / f"{digest}.npy").write_bytes(content)
                    self.check_refused(sealed(forgery.document), reason, "--level", "full")
                finally:
                    shutil.rmtree(inputs)

    def test_altered_texts(self):
        text = self.certificates["plain"].read_text()
        upper = self.forged("plain").trials[0]["enclosure"]["upper"]
        seal = text[text.rindex('"sha256"'):]
        texts = {
            "one byte": (text.replace("cross_entropy", "cross_entropi", 1), "digest"),
            "an endpoint moved inward by one unit in the last place":
                (text.replace(upper, moved(upper, -1), 1), "digest"),
            "the digest of another text": (text.replace(seal[11:75], "0" * 64), "digest"),
            "truncated": (text[:len(text) // 2], "parse error"),
            "without its last line": (text[:-2], "parse error"),
            "without a digest": (text.replace(",\n" + seal, "\n}\n"), "'sha256' expected"),
            "something behind it": (text + "{}", "parse error"),
            "a line behind it": (text + "\n", "digest"),
            "empty": ("", "parse error"),
            "not JSON": ("certificate", "parse error"),
            "a million arrays in each other": ("[" * 10 ** 6, "nested deeper"),
            "a million objects in each other": ('{"a":' * 10 ** 6, "nested deeper"),
            "a key twice": (text.replace('"version": 1,', '"version": 1,\n"version": 1,'),
                            "two keys 'version'"),
            "a key twice in a trial": (text.replace('"seed":"0"', '"seed":"0","seed":"0"', 1),
                                       "two keys 'seed'"),
            "NaN as a number": (text.replace('"version": 1', '"version": NaN'), "parse error"),
            "bytes that are no text": (text.encode().replace(b"digits", b"dig\xff\xfes", 1), "parse error"),
            "a string for an object": ('"numgeom-certificate"', "an object"),
        }
        for name, (content, reason) in texts.items():
            with self.subTest(name):
                self.check_refused(content, reason)

    def test_what_cannot_be_checked_is_not_passed(self):
        study = {**PLAIN, "problem": {**PLAIN["problem"],
                                      "network": ["dense 6", "softplus", "dense 10"]}}
        (self.folder / "study.toml").write_text(study_text(study))
        path = self.folder / "softplus.json"
        self.assertEqual(run("certify", self.folder / "study.toml", "--certificate", path,
                             "--quiet").returncode, 0)
        self.assertEqual(verify(path).returncode, 0)
        result = verify(path, "--level", "sample")
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stdout, r"not checked: trial \d: the layer 'softplus'")

    def test_a_chain_has_a_radius_a_step(self):
        forgery = self.forged("plain")
        for trial in forgery.trials:
            if trial["chain"]:
                trial["chain"] = {"radius": [], "lipschitz": [], "defect": []}
        shutil.copytree(self.folder / "plain.inputs", self.folder / "forged.inputs")
        try:
            self.check_refused(sealed(forgery.document), "chain: a radius a step", "--level", "full")
        finally:
            shutil.rmtree(self.folder / "forged.inputs")

    def test_numbers_are_not_larger_than_any_certificates(self):
        forgery = self.forged("plain")
        chain = forgery.stepwise()["chain"]
        for key in chain:
            chain[key] = ["0x1p999999"] * 8000
        self.check_refused(sealed(forgery.document), "longer than any certificate's")

    def certified(self, name, study):
        """The certificate of a study that the program itself writes, and its exit code."""
        (self.folder / "study.toml").write_text(study_text(study))
        path = self.folder / f"{name}.json"
        result = run("certify", self.folder / "study.toml", "--certificate", path, "--quiet")
        return path, result.returncode

    def test_errors_below_a_rounding_of_the_loss(self):
        study = {"problem": {"dataset": "synthetic", "train": 1, "validation": 1, "network": ["dense 2"],
                             "synthetic": {"classes": 2, "features": 1, "informative": 1}},
                 "training": {"epochs": 1, "batch": 1}, "native": {"precision": ["fp64"]},
                 "search": {"method": "list", "configurations": [
                     {"lr": 0.01 * (1 + k * 2 ** -51)} for k in range(24)]},
                 "certify": {"width": 1e-22}}
        path, code = self.certified("close", study)
        self.assertEqual(code, 0)
        result = verify(path, "--level", "full")
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_of_unbounded_enclosures_nothing_is_claimed(self):
        study = {**PLAIN, "certify": {"max_bits": 53},
                 "training": {"epochs": 60, "batch": 8},
                 "search": {"method": "list", "configurations": [{"lr": 3.0}]}}
        path, code = self.certified("open", study)
        self.assertEqual(code, 1)
        result = verify(path, "--level", "full")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("inside its enclosure: no trial\n", result.stdout)

    def test_an_end_just_beside_the_loss(self):
        """Balls of few bits reach over the end: they must not count as inside."""
        study = {**PLAIN, "certify": {"width": 1e-60},
                 "search": {"method": "list", "configurations": [{"lr": 0.05}]}}
        path, code = self.certified("narrow", study)
        self.assertEqual(code, 0)
        lower, upper = (json.loads(path.read_text())["trials"][0]["enclosure"][end]
                        for end in ("lower", "upper"))
        one = 2 ** 1000
        for ends in ({"lower": moved(upper, 1, 400), "upper": moved(upper, one, 1000)},
                     {"lower": moved(lower, -one, 1000), "upper": moved(lower, -1, 400)}):
            with self.subTest(ends=ends):
                document = json.loads(path.read_text())
                document["trials"][0]["native"] = []
                document["ranking"]["native"] = []
                document["trials"][0]["enclosure"].update(status="undecided", **ends)
                path.write_text(sealed(document))
                result = verify(path, "--level", "full")
                self.assertEqual(result.returncode, 1, result.stdout)
                self.assertIn("outside of the enclosure", result.stdout)

    def test_great_rates_and_slopes_of_one(self):
        study = {**PLAIN, "training": {"epochs": 1, "batch": 32},
                 "problem": {**PLAIN["problem"], "network": ["dense 4", "leaky_relu 1", "dense 10"]},
                 "search": {"method": "list", "configurations": [{"lr": 1e-300}, {"lr": 0.1}]}}
        path, code = self.certified("slopes", study)
        self.assertEqual(code, 0)
        result = verify(path, "--level", "full")
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_wrong_usage(self):
        for arguments in ([], ["--level", "all"], ["--trials", "-1"]):
            result = verify(self.certificates["plain"], *arguments) if arguments else \
                subprocess.run([VERIFIER], check=False, capture_output=True, text=True)
            self.assertEqual(result.returncode, 2, arguments)
        self.assertEqual(verify(self.folder / "none.json").returncode, 2)


if __name__ == "__main__":
    unittest.main()

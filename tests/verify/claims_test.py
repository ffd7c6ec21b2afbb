"""The checker of claims beside the one that is proved sound (proofs/coq/ClaimChecker.v): what it accepts that
one accepts too, on random claims, true and altered ones."""

import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from fractions import Fraction

sys.path.append(str(pathlib.Path(__file__).parents[1] / "cli"))
from forgery_test import sealed, verify  # noqa: E402
from support import effort, run, study_text  # noqa: E402

PROOFS = pathlib.Path(__file__).parents[2] / "proofs" / "coq"
DOCUMENTS = int(150 * effort())
SEED = 20260
# What the proved checker does not ask for: complete claims, and none weaker than could be.
STRICTER = re.compile(r"is claimed, .* follows|missing$|more than there are|in this place|^rejected: total|"
                      r"order: trial|proved not to be the best|not those that follow|"
                      r"infinite errors of a diverged run|: order: every")


def text_of(x):
    """A dyadic fraction as certificates write it."""
    exponent = x.denominator.bit_length() - 1
    return f"{'-' if x < 0 else ''}0x{abs(x.numerator):x}p{-exponent}"


def term(x):
    """An optional dyadic fraction as a Coq term."""
    if x is None:
        return "None"
    return f"(Some (Dyadic ({x.numerator}) (-{x.denominator.bit_length() - 1})))"


def surely_less(a, b):
    return a[1] is not None and b[0] is not None and a[1] < b[0]


class Claims:
    """Random enclosures, and the claims that follow from them, or nearly so."""

    def __init__(self, rng):
        self.rng = rng
        count = rng.randint(1, 5)
        self.enclosures = [self.enclosure() for _ in range(count)]
        self.natives = [None if rng.random() < 0.1 else self.near(e) for e in self.enclosures]
        self.errors = [self.error(*pair) for pair in zip(self.enclosures, self.natives)]
        self.pairs = [[i, j, self.verdict(i, j)] for i in range(count) for j in range(i + 1, count)]
        self.order = sorted(range(count), key=lambda i: sum(
            (end if end is not None else Fraction(0)) for end in self.enclosures[i]))
        self.set = self.members()
        self.flips = [(a, b) for i, j, _ in self.pairs for a, b in ((i, j), (j, i))
                      if surely_less(self.enclosures[b], self.enclosures[a]) and
                      self.natively_less(a, b)]
        if rng.random() < 0.7:
            self.alter()
        self.total = all(less != "undecided" for _, _, less in self.pairs)

    def enclosure(self):
        low = Fraction(self.rng.randint(0, 40), 8)
        high = low + Fraction(self.rng.randint(0, 6), 16)
        return (None if self.rng.random() < 0.05 else low, None if self.rng.random() < 0.05 else high)

    def near(self, enclosure):
        known = [end for end in enclosure if end is not None] or [Fraction(1)]
        return self.rng.choice(known) + Fraction(self.rng.randint(-12, 12), 16)

    @staticmethod
    def error(enclosure, native):
        low, high = enclosure
        if native is None:
            return None, None
        below = Fraction(0) if low is None else low - native
        above = Fraction(0) if high is None else native - high
        lower = max(Fraction(0), below, above)
        upper = None if None in enclosure else max(abs(native - low), abs(native - high))
        return lower, upper

    def verdict(self, i, j):
        a, b = self.enclosures[i], self.enclosures[j]
        if surely_less(a, b):
            return "certified"
        above = b[1] is not None and a[0] is not None and b[1] <= a[0]
        return "refuted" if above else "undecided"

    def natively_less(self, a, b):
        x, y = self.natives[a], self.natives[b]
        return x is not None and (y is None or x < y)

    def members(self):
        finite = [i for i, native in enumerate(self.natives) if native is not None]
        best = min(finite, key=lambda i: self.natives[i], default=None)
        result = []
        for i, native in enumerate(self.natives):
            if native is None:
                beaten = any(surely_less(other, self.enclosures[i]) for other in self.enclosures)
                result += [] if beaten else [i]
            elif self.errors[best][1] is None or self.errors[i][1] is None or \
                    native <= self.natives[best] + self.errors[best][1] + self.errors[i][1]:
                result.append(i)
        return result

    def alter(self):
        rng = self.rng
        i = rng.randrange(len(self.enclosures))
        what = rng.choice(["end", "native", "lower", "upper", "pair", "order", "leave", "join", "flip"])
        lower, upper = self.errors[i]
        if what == "end":
            self.enclosures[i] = self.enclosure()
        elif what == "native":
            self.natives[i] = self.near(self.enclosures[i])
        elif what == "lower" and lower is not None:
            self.errors[i] = (lower + Fraction(rng.randint(-1, 1), 16), upper)
        elif what == "upper" and upper is not None:
            self.errors[i] = (lower, upper + Fraction(rng.randint(-1, 1), 16))
        elif what == "pair" and self.pairs:
            rng.choice(self.pairs)[2] = rng.choice(["certified", "refuted", "undecided"])
        elif what == "order":
            rng.shuffle(self.order)
        elif what == "leave" and self.set:
            self.set.remove(rng.choice(self.set))
        elif what == "join":
            self.set = sorted({*self.set, i})
        elif what == "flip" and len(self.enclosures) > 1:
            self.flips.append(tuple(rng.sample(range(len(self.enclosures)), 2)))

    def document(self, template):
        trials = []
        for (low, high), native, (lower, upper) in zip(self.enclosures, self.natives, self.errors):
            run_of = {"precision": "fp32", "loss": "nan" if native is None else text_of(native),
                      "error": {"lower": "inf" if lower is None else text_of(lower),
                                "upper": "inf" if upper is None else text_of(upper)}}
            enclosure = {"lower": "-inf" if low is None else text_of(low),
                         "upper": "inf" if high is None else text_of(high), "status": "undecided",
                         "reason": "", "way": "direct", "arithmetic": "ball", "bits": 53}
            trials.append({**template["trials"][0], "native": [run_of], "enclosure": enclosure,
                           "chain": None})
        flips = [{"native_better": a, "exact_better": b} for a, b in self.flips]
        ranking = {"order": self.order, "total": self.total,
                   "pairs": [{"first": i, "second": j, "less": less} for i, j, less in self.pairs],
                   "native": [{"precision": "fp32", "indistinguishable": self.set, "flips": flips}]}
        return sealed({**template, "trials": trials, "ranking": ranking})

    def term(self):
        less = {(i, j): verdict for i, j, verdict in self.pairs}
        strict = all(less.get((i, j)) == "certified" or less.get((j, i)) == "refuted" and
                     surely_less(self.enclosures[i], self.enclosures[j])
                     for i, j in zip(self.order, self.order[1:]))
        enclosures = "; ".join(f"Bounds {term(low)} {term(high)}" for low, high in self.enclosures)
        pairs = "; ".join(f"PairClaim {i} {j} {verdict.capitalize()}" for i, j, verdict in self.pairs)
        outcomes = "; ".join(f"Outcome {term(native)} {term(lower)} {term(upper)}"
                             for native, (lower, upper) in zip(self.natives, self.errors))
        flips = "; ".join(f"FlipClaim {a} {b}" for a, b in self.flips)
        listed = "; ".join(map(str, self.set))
        order = f"(Some [{'; '.join(map(str, self.order))}])" if strict else "None"
        return f"Claims [{enclosures}] [{pairs}] {order} [Run [{outcomes}] [{listed}] [{flips}]]"


def proved_answers(terms, folder):
    """What the proved checker says, computed by Coq."""
    for name in ("Verdict", "Dyadic", "ClaimChecker"):
        shutil.copy(PROOFS / f"{name}.v", folder)
        subprocess.run(["coqc", "-q", "-Q", ".", "NumGeom", f"{name}.v"], check=True, cwd=folder)
    listed = ";\n".join(terms)
    (folder / "Answers.v").write_text(
        "From Coq Require Import ZArith List. Import ListNotations.\n"
        "From NumGeom Require Import Verdict Dyadic ClaimChecker.\n"
        f"Definition documents := [\n{listed}].\n"
        "Eval vm_compute in map check documents.\n")
    result = subprocess.run(["coqc", "-q", "-Q", ".", "NumGeom", "Answers.v"], check=True, cwd=folder,
                            capture_output=True, text=True)
    return [word == "true" for word in re.findall(r"\b(true|false)\b", result.stdout)]


class ClaimsTest(unittest.TestCase):
    def test_both_checkers_agree(self):
        with tempfile.TemporaryDirectory(prefix="numgeom-claims-") as name:
            folder = pathlib.Path(name)
            study = folder / "study.toml"
            study.write_text(study_text())
            certificate = folder / "study.json"
            self.assertEqual(run("certify", study, "--certificate", certificate, "--quiet").returncode, 0)
            template = json.loads(certificate.read_text())
            rng = random.Random(SEED)
            claims = [Claims(rng) for _ in range(DOCUMENTS)]
            proved = proved_answers([one.term() for one in claims], folder)
            self.assertEqual(len(proved), len(claims))
            count = collections.Counter()
            for one, accepted in zip(claims, proved):
                certificate.write_text(one.document(template))
                result = verify(certificate)
                self.assertIn(result.returncode, (0, 1), result.stderr)
                count[accepted, result.returncode == 0] += 1
                with self.subTest(document=certificate.read_text()[-2000:], says=result.stdout):
                    if result.returncode == 0:
                        self.assertTrue(accepted)
                    elif accepted:
                        self.assertRegex(result.stdout, STRICTER)
            print(f"(proved, ours): {dict(count)}")
            self.assertGreater(count[True, True], DOCUMENTS // 4)
            self.assertGreater(count[False, False], DOCUMENTS // 10)


if __name__ == "__main__":
    unittest.main()

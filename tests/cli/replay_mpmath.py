"""Replays an exported trial with 120 digits by mpmath and prints 100: replay_mpmath.py DIRECTORY"""

import mpmath
import numpy

import replay

DIGITS = 120


class Mpmath:
    """NumPy arrays of mpmath's numbers: no code in common with MPFR. All inputs are exact."""

    exp = staticmethod(numpy.frompyfunc(mpmath.exp, 1, 1))
    log = staticmethod(numpy.frompyfunc(mpmath.log, 1, 1))
    log1p = staticmethod(numpy.frompyfunc(lambda x: mpmath.log(1 + x), 1, 1))
    tanh = staticmethod(numpy.frompyfunc(mpmath.tanh, 1, 1))
    erf = staticmethod(numpy.frompyfunc(mpmath.erf, 1, 1))
    sqrt = staticmethod(numpy.frompyfunc(mpmath.sqrt, 1, 1))
    scalar = mpmath.mpf

    @staticmethod
    def embed(array):
        return numpy.frompyfunc(lambda number: mpmath.mpf(float(number)), 1, 1)(array)

    @staticmethod
    def product(a, b):
        return a.dot(b)


if __name__ == "__main__":
    mpmath.mp.dps = DIGITS
    Mpmath.pi = mpmath.mp.pi
    replay.main(Mpmath, lambda loss: mpmath.nstr(loss, 100))

"""Replays an exported trial with 1,500 bits and prints 100 digits: replay_exact.py DIRECTORY"""

import gmpy2
import numpy

import replay

BITS = 1500


class MultiplePrecision:
    """NumPy arrays of MPFR numbers. Data and hyperparameters are exact."""

    exp = staticmethod(numpy.frompyfunc(gmpy2.exp, 1, 1))
    log = staticmethod(numpy.frompyfunc(gmpy2.log, 1, 1))
    log1p = staticmethod(numpy.frompyfunc(gmpy2.log1p, 1, 1))
    tanh = staticmethod(numpy.frompyfunc(gmpy2.tanh, 1, 1))
    erf = staticmethod(numpy.frompyfunc(gmpy2.erf, 1, 1))
    sqrt = staticmethod(numpy.frompyfunc(gmpy2.sqrt, 1, 1))

    @staticmethod
    def scalar(number):
        return gmpy2.mpfr(number, 53)

    @staticmethod
    def embed(array):
        return numpy.frompyfunc(lambda number: gmpy2.mpfr(float(number), 24), 1, 1)(array)

    @staticmethod
    def product(a, b):
        """Zeros of `a` are skipped: most pixels are black, and half of the ReLUs are off."""
        result = numpy.full((a.shape[0], b.shape[1]), gmpy2.mpfr(0), dtype=object)
        for row, out in zip(a, result):
            used = numpy.flatnonzero(row != 0)
            if used.size > 0:
                out[:] = row[used].dot(b[used])
        return result


if __name__ == "__main__":
    gmpy2.get_context().precision = BITS
    MultiplePrecision.pi = gmpy2.const_pi()
    replay.main(MultiplePrecision, "{:.100f}".format)

"""Replays an exported trial in float64 and prints the loss: replay_numpy.py DIRECTORY"""

import math

import numpy

import replay


class Float64:
    scalar = float
    product = staticmethod(numpy.matmul)
    exp = staticmethod(numpy.exp)
    log = staticmethod(numpy.log)
    log1p = staticmethod(numpy.log1p)
    tanh = staticmethod(numpy.tanh)
    erf = staticmethod(numpy.vectorize(math.erf, otypes=[numpy.float64]))
    sqrt = staticmethod(numpy.sqrt)
    pi = math.pi

    @staticmethod
    def embed(array):
        return array.astype(numpy.float64)


if __name__ == "__main__":
    replay.main(Float64, lambda loss: repr(float(loss)))

"""Replays an exported trial in float64 and prints the loss: replay_numpy.py DIRECTORY"""

import numpy

import replay


class Float64:
    scalar = float
    product = staticmethod(numpy.matmul)
    exp = staticmethod(numpy.exp)
    log = staticmethod(numpy.log)
    tanh = staticmethod(numpy.tanh)

    @staticmethod
    def embed(array):
        return array.astype(numpy.float64)


if __name__ == "__main__":
    replay.main(Float64, lambda loss: repr(float(loss)))

"""Replays an exported trial: the training algorithm, written once for every arithmetic.

Only the files of `numgeom export` are read. An arithmetic has `embed(array)`, `scalar(number)`,
`product(a, b)`, and elementwise `exp`, `log` and `tanh` on NumPy arrays.
"""

import json
import pathlib
import sys

import numpy


def forward(arithmetic, network, parameters, batch):
    """The outputs of all layers, the batch first."""
    outputs = [batch]
    dense = 0
    for layer in network:
        x = outputs[-1]
        if layer == "relu":
            outputs.append(numpy.where(x > 0, x, 0))
        elif layer == "tanh":
            outputs.append(arithmetic.tanh(x))
        else:
            outputs.append(arithmetic.product(x, parameters[dense]) + parameters[dense + 1])
            dense += 2
    return outputs


def cross_entropy(arithmetic, logits, labels):
    """The mean over the batch and its gradient by the logits."""
    rows = numpy.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = arithmetic.exp(shifted)
    sums = powers.sum(axis=1, keepdims=True)
    loss = (arithmetic.log(sums)[:, 0] - shifted[rows, labels]).sum() / len(labels)
    gradient = powers / sums
    gradient[rows, labels] -= 1
    return loss, gradient / len(labels)


def gradients(arithmetic, network, parameters, batch, labels):
    """The gradient of the loss by every parameter; ReLU'(0) = 0."""
    outputs = forward(arithmetic, network, parameters, batch)
    _, delta = cross_entropy(arithmetic, outputs[-1], labels)
    result = []
    dense = len(parameters)
    for i in reversed(range(len(network))):
        if network[i] == "relu":
            delta = numpy.where(outputs[i] > 0, delta, 0)
        elif network[i] == "tanh":
            delta = delta * (1 - outputs[i + 1] * outputs[i + 1])
        else:
            dense -= 2
            result = [arithmetic.product(outputs[i].T, delta),
                      delta.sum(axis=0, keepdims=True)] + result
            if i > 0:
                delta = arithmetic.product(delta, parameters[dense].T)
    return result


def replay(arithmetic, directory):
    """The validation loss at the end of training."""
    directory = pathlib.Path(directory)
    trial = json.loads((directory / "trial.json").read_text())

    def load(name):
        return numpy.load(directory / f"{name}.npy")

    lr = arithmetic.scalar(trial["configuration"]["lr"])
    decay = arithmetic.scalar(trial["configuration"]["weight_decay"])
    x, y = arithmetic.embed(load("train_x")), load("train_y")
    parameters = [arithmetic.embed(load(name)) for name in trial["parameters"]]
    indices, offsets = load("batch_indices"), load("batch_offsets")
    for first, last in zip(offsets[:-1], offsets[1:]):
        rows = indices[first:last]
        steps = gradients(arithmetic, trial["network"], parameters, x[rows], y[rows])
        parameters = [w - lr * (g + decay * w) for w, g in zip(parameters, steps)]
    logits = forward(arithmetic, trial["network"], parameters,
                     arithmetic.embed(load("validation_x")))[-1]
    return cross_entropy(arithmetic, logits, load("validation_y"))[0]


def main(arithmetic, to_text):
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} DIRECTORY")
    print(to_text(replay(arithmetic, sys.argv[1])))

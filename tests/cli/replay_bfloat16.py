"""Replays an exported trial in PyTorch's bfloat16, one operation after the other, and prints the loss:
replay_bfloat16.py DIRECTORY [mixed]"""

import json
import pathlib
import sys

import numpy
import torch
from torch import bfloat16, float32


def forward(network, parameters, batch):
    """The outputs of all layers, the batch first."""
    outputs = [batch.to(bfloat16)]
    dense = 0
    for layer in network:
        x = outputs[-1]
        if layer == "relu":
            outputs.append(torch.relu(x))
        else:
            weights, bias = (one.to(bfloat16) for one in parameters[dense:dense + 2])
            outputs.append(x @ weights + bias)
            dense += 2
    return outputs


def gradients(network, parameters, batch, labels):
    outputs = forward(network, parameters, batch)
    delta = torch.softmax(outputs[-1].to(float32), 1)
    delta[torch.arange(len(labels)), labels] -= 1
    delta = (delta / len(labels)).to(bfloat16)
    result = []
    dense = len(parameters)
    for i in reversed(range(len(network))):
        if network[i] == "relu":
            delta = torch.where(outputs[i] > 0, delta, torch.zeros_like(delta))
            continue
        dense -= 2
        result = [outputs[i].T @ delta,
                  delta.to(float32).sum(0, keepdim=True).to(bfloat16)] + result
        delta = delta @ parameters[dense].to(bfloat16).T
    return result


def main(directory, stored):
    directory = pathlib.Path(directory)
    trial = json.loads((directory / "trial.json").read_text())

    def load(name):
        return torch.from_numpy(numpy.load(directory / f"{name}.npy"))

    lr = trial["configuration"]["lr"]
    decay = trial["configuration"]["weight_decay"]
    x, y = load("train_x"), load("train_y")
    parameters = [load(name).to(stored) for name in trial["parameters"]]
    indices, offsets = load("batch_indices"), load("batch_offsets")
    for first, last in zip(offsets[:-1], offsets[1:]):
        rows = indices[first:last]
        steps = gradients(trial["network"], parameters, x[rows], y[rows])
        parameters = [(w.to(float32) - lr * (decay * w.to(float32) + g.to(float32))).to(stored)
                      for w, g in zip(parameters, steps)]
    logits = forward(trial["network"], parameters, load("validation_x"))[-1].to(float32)
    print(repr(torch.nn.functional.cross_entropy(logits, load("validation_y")).item()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], float32 if sys.argv[2:] == ["mixed"] else bfloat16)

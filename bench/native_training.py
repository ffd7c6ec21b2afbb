#!/usr/bin/python3
"""Native fp32 training of 784-64-10 on MNIST beside PyTorch: same data, weights and batches, one
thread each, in turn, in one run. Only training steps and the final evaluation are timed, by
processor time, which what else the machine does does not lengthen.

Needs the programs numgeom and native_training, and 'numgeom data fetch mnist'. Exit code 1 if the
two losses are not those of the same training.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"  # read when the libraries are loaded

import numpy
import torch

BENCH = Path(__file__).resolve().parent
STUDY = BENCH / "native_training.toml"
LOSS_TOLERANCE = 1e-4  # fp32 in another order of summation is far closer than that


class Replay:
    """An exported trial in PyTorch."""

    def __init__(self, directory):
        load = lambda name: torch.from_numpy(numpy.load(directory / f"{name}.npy"))
        self.trial = json.loads((directory / "trial.json").read_text())
        self.parameters = [load(name) for name in self.trial["parameters"]]
        self.train = load("train_x"), load("train_y")
        self.validation = load("validation_x"), load("validation_y")
        offsets = numpy.load(directory / "batch_offsets.npy")
        self.batches = torch.split(load("batch_indices"), numpy.diff(offsets).tolist())

    def network(self):
        """With the trial's initial weights; PyTorch keeps the transpose of ours."""
        layers = []
        dense = iter(zip(self.parameters[::2], self.parameters[1::2]))
        for layer in self.trial["network"]:
            if layer == "relu":
                layers.append(torch.nn.ReLU())
                continue
            weight, bias = next(dense)
            linear = torch.nn.Linear(*weight.shape)
            with torch.no_grad():
                linear.weight.copy_(weight.T)
                linear.bias.copy_(bias.flatten())
            layers.append(linear)
        return torch.nn.Sequential(*layers)

    def run(self):
        """Processor seconds, validation loss and misclassified rows."""
        network = self.network()
        criterion = torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(network.parameters(), **self.trial["configuration"])
        x, y = self.train
        start = time.process_time()
        for rows in self.batches:
            optimizer.zero_grad(set_to_none=True)
            criterion(network(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            logits = network(self.validation[0])
            loss = criterion(logits, self.validation[1]).item()
            errors = int((logits.argmax(1) != self.validation[1]).sum())
        return time.process_time() - start, loss, errors


class Ours:
    """The program native_training, which trains once a line."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, STUDY], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 3:
            sys.exit("native_training.py: the program ended early")
        return float(answer[0]), float(answer[1]), int(answer[2])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def blas():
    """The library behind PyTorch's products: they are as fast as it is."""
    maps = Path("/proc/self/maps").read_text().split()
    return next((entry for entry in maps if "/libblas" in entry), "a BLAS of its own")


def compare(ours, theirs, rounds):
    """Results of both, round by round; the first round only warms up."""
    pairs = [(ours.run(), theirs.run()) for _ in range(rounds + 1)]
    return pairs[1:]


def report(pairs):
    """Prints the table; whether both computed the same training."""
    for name, results in zip(("NumGeom", "PyTorch"), zip(*pairs)):
        times = [1e3 * seconds for seconds, _, _ in results]
        _, loss, errors = results[-1]
        print(f"{name}  best {min(times):7.1f} ms  median {statistics.median(times):7.1f} ms  "
              f"loss {loss:.7f}  errors {errors}")
    ratios = [theirs[0] / ours[0] for ours, theirs in pairs]
    best = min(theirs[0] for _, theirs in pairs) / min(ours[0] for ours, _ in pairs)
    print(f"PyTorch takes {statistics.median(ratios):.2f} times as long (median of {len(pairs)} "
          f"pairs; best against best {best:.2f})")
    ours, theirs = pairs[-1]
    return abs(ours[1] - theirs[1]) <= LOSS_TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=Path, default=BENCH.parent / "build" / "release",
                        help="where the programs were built (default: build/release)")
    parser.add_argument("--rounds", type=int, default=21, help="pairs of runs (default: 21)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "trial"
        subprocess.run([options.build / "bin" / "numgeom", "export", STUDY, "--trial", "0", "--out",
                        directory], check=True, stdout=subprocess.DEVNULL)
        theirs = Replay(directory)
    ours = Ours(options.build / "bench" / "native_training")
    pairs = compare(ours, theirs, max(1, options.rounds))
    ours.close()
    print(f"native fp32 training, {len(theirs.batches)} steps, one thread each; "
          f"PyTorch {torch.__version__} with {blas()}")
    if report(pairs):
        return 0
    print("native_training.py: the losses differ", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

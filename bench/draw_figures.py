"""Draws docs/figures/*.svg from the CSV files beside them. usage: draw_figures.py FOLDER"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "numgeom"  # the same data give the same file
import matplotlib.pyplot as plt  # noqa: E402


def read(path):
    curves = defaultdict(list)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curves[row["rung"]].append({key: float(value) for key, value in row.items() if key != "rung"})
    return curves


def style(rung):
    stepwise = "stepwise" in rung
    return {"linestyle": "-" if stepwise else "--", "linewidth": 1.8 if stepwise else 1.1}


def draw_widths(folder):
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    for axis, name, title in ((axes[0], "widths_stable.csv", "stable: lr 0.01"),
                              (axes[1], "widths_chaotic.csv", "chaotic: lr 0.9")):
        for rung, rows in read(folder / name).items():
            axis.plot([row["step"] for row in rows], [row["log10_width"] for row in rows],
                      label=rung, **style(rung))
        axis.set_title(title)
        axis.set_xlabel("training step")
        axis.grid(alpha=0.3)
        axis.axhline(0, color="black", linewidth=0.6)
    axes[0].set_ylabel("log₁₀ ‖radius of the parameters‖₂")
    axes[1].legend(fontsize=7, loc="lower right")
    figure.suptitle("Enclosures of an SGD run, MNIST 784-64-10: a line ends where the rung is given up")
    figure.tight_layout()
    figure.savefig(folder / "widths.svg", metadata={"Date": None})


def draw_costs(folder):
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    for rung, rows in read(folder / "cost.csv").items():
        by_steps = [row for row in rows if row["parameters"] == 50890]
        by_parameters = sorted((row for row in rows if row["steps"] == 96),
                               key=lambda row: row["parameters"])
        for axis, key, points in ((axes[0], "steps", by_steps),
                                  (axes[1], "parameters", by_parameters)):
            axis.loglog([row[key] for row in points], [row["seconds"] for row in points], "o",
                        label=rung, **style(rung))
            axis.set_xlabel(key)
            axis.set_ylabel("seconds")
            axis.grid(alpha=0.3, which="both")
    axes[0].set_title("784-64-10")
    axes[1].set_title("96 steps, 8 to 256 hidden units")
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(folder / "cost.svg", metadata={"Date": None})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    draw_widths(Path(sys.argv[1]))
    draw_costs(Path(sys.argv[1]))

#!/usr/bin/env python3
"""Tunes a scikit-learn model with numgeom: ask for parameters, train, tell the loss.

usage: tune_sklearn.py [TRIALS]        numgeom on the PATH, or named by NUMGEOM_PROGRAM

The loss is computed twice, in single and in double precision: their distance (doubled) is told as
the error bound, so that the search knows which losses can be trusted.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

STUDY = """
[space]
alpha = { low = 1e-6, high = 1.0, scale = "log" }
learning_rate_init = { low = 1e-4, high = 1e-1, scale = "log" }
hidden_layer_sizes = { low = 4, high = 64, type = "int", scale = "log" }
solver = { choices = ["adam", "sgd"] }
momentum = { low = 0.5, high = 0.99, when = { solver = "sgd" } }

[search]
method = "gp"
acquisition = "precision_aware"
seed = 0
"""


def numgeom(*arguments, **options):
    program = os.environ.get("NUMGEOM_PROGRAM", "numgeom")
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True,
                          **options).stdout


def losses(parameters):
    """The validation loss in double and in single precision."""
    warnings.simplefilter("ignore")  # ten epochs do not converge
    features, labels = load_digits(return_X_y=True)
    features = features / 16
    result = []
    for kind in (np.float64, np.float32):
        model = MLPClassifier(max_iter=10, random_state=0, **parameters)
        model.fit(features[:600].astype(kind), labels[:600])
        scores = model.predict_proba(features[600:900].astype(kind))
        result.append(log_loss(labels[600:900], np.clip(scores, 1e-7, 1)))
    return result


def main():
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        study = pathlib.Path(folder) / "sgd.toml"
        study.write_text(STUDY)
        storage = str(pathlib.Path(folder) / "sgd.db")
        for _ in range(trials):
            asked = json.loads(numgeom("ask", str(study), "--storage", storage))
            double, single = losses(asked["parameters"])
            told = {"trial": asked["trial"], "loss": double, "error_bound": 2 * abs(double - single)}
            numgeom("tell", "--storage", storage, input=json.dumps(told) + "\n")
        print(numgeom("study", "best", "--storage", storage), end="")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Precision-aware search beside standard expected improvement, on two studies that have a half where
losses cannot be trusted: which configuration is chosen, its loss and its certified error.

The standard search maximises EI and takes the least loss; the precision-aware one maximises α_PA and
takes the least loss + λδ. Medians over seeds, and of the ratios seed by seed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

STUDIES = {
    # lr up to 3: above about 0.7 training is chaotic.
    "mnist": """
[problem]
dataset = "mnist"
pool = 2
train = 500
validation = 250
network = ["dense 16", "relu", "dense 10"]
[training]
epochs = 5
[space]
lr = { low = 1e-3, high = 3.0, scale = "log" }
weight_decay = { low = 1e-6, high = 1e-2, scale = "log" }
""",
    # Half of the range of lr is ill-conditioned.
    "ill-conditioned": """
[problem]
dataset = "synthetic"
train = 200
validation = 100
network = ["dense 12", "relu", "dense 3"]
synthetic = { features = 10, informative = 5, classes = 3, seed = 5 }
[training]
epochs = 20
[space]
lr = { low = 1e-2, high = 10.0, scale = "log" }
weight_decay = { low = 1e-6, high = 1e-2, scale = "log" }
""",
}


def run(program, *arguments):
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode not in (0, 1):
        sys.exit(result.stderr)
    return json.loads(result.stdout)


def search(program, folder, text, seed, acquisition, options):
    penalty = f"penalty = {options.penalty}\n" if acquisition == "precision_aware" else ""
    study = folder / f"{acquisition}.toml"
    study.write_text(f'{text}[search]\nmethod = "gp"\ntrials = {options.trials}\nseed = {seed}\n'
                     f'acquisition = "{acquisition}"\n{penalty}')
    storage = folder / f"{acquisition}.db"
    storage.unlink(missing_ok=True)
    delta = options.delta if acquisition == "precision_aware" else "phi"
    found = run(program, "optimize", study, "--storage", storage, "--no-race", "--quiet", "--json",
                "--delta", delta)
    trials = {trial["number"]: trial for trial in found["trials"]}
    return trials[found["trusted" if acquisition == "precision_aware" else "best"]]


def certified_error(program, folder, text, trial):
    entry = ", ".join(f"{name} = {value!r}" for name, value in trial["parameters"].items())
    study = folder / "chosen.toml"
    study.write_text(f'{text}[search]\nmethod = "list"\nconfigurations = [{{ {entry} }}]\n')
    (result,) = run(program, "certify", study, "--json", "--quiet")["trials"]
    return result["native"][0]["certified_error"]["upper"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--program", default=ROOT / "build" / "release" / "bin" / "numgeom")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--penalty", type=float, default=1e5)
    parser.add_argument("--delta", choices=["phi", "certified"], default="certified")
    parser.add_argument("--studies", nargs="*", default=list(STUDIES))
    options = parser.parse_args()
    for name in options.studies:
        text = STUDIES[name]
        losses = {"ei": [], "precision_aware": []}
        errors = {"ei": [], "precision_aware": []}
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            for seed in range(options.seeds):
                for acquisition in losses:
                    trial = search(options.program, folder, text, seed, acquisition, options)
                    losses[acquisition].append(trial["loss"])
                    errors[acquisition].append(
                        certified_error(options.program, folder, text, trial))
                print(f"{name} seed {seed}: loss {losses['ei'][-1]:.5f} against "
                      f"{losses['precision_aware'][-1]:.5f}, certified error {errors['ei'][-1]:.3g} "
                      f"against {errors['precision_aware'][-1]:.3g}", file=sys.stderr, flush=True)
        ratio = lambda table: statistics.median(
            aware / standard for aware, standard in zip(table["precision_aware"], table["ei"]))
        print(f"{name}: {options.seeds} seeds, {options.trials} trials, λ = {options.penalty:g}")
        for what, table in (("loss", losses), ("certified error", errors)):
            print(f"  {what}: median {statistics.median(table['ei']):.4g} standard, "
                  f"{statistics.median(table['precision_aware']):.4g} precision-aware; "
                  f"median ratio {ratio(table):.3f}")


if __name__ == "__main__":
    main()

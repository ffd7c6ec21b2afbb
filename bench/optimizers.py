#!/usr/bin/python3
"""Our samplers beside Optuna's on Branin and Hartmann6: medians over seeds at 20, 50 and 100
evaluations, and whether ours are worse (Mann-Whitney, one-sided; not worse where p >= 0.05).

Needs the program optimizers and Debian's python3-optuna.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
import warnings
from collections import defaultdict
from pathlib import Path

import optuna
from scipy.stats import mannwhitneyu

BENCH = Path(__file__).resolve().parent
COUNTS = (20, 50, 100)
EVALUATIONS = 200  # what suggestions are timed for
LEVEL = 0.05
LEAST = {"branin": 0.397887357729738, "hartmann6": -3.32236801141551}
PEERS = {
    "optuna:random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "optuna:tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "optuna:tpe:multivariate": lambda seed: optuna.samplers.TPESampler(seed=seed,
                                                                       multivariate=True),
    "optuna:cma_es": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
}
AGAINST = [name for name in PEERS if name != "optuna:random"]


def branin(x):
    valley = x[1] - 5.1 / (4 * math.pi**2) * x[0]**2 + 5 / math.pi * x[0] - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10


def hartmann6(x):
    alpha = (1, 1.2, 3, 3.2)
    a = ((10, 3, 17, 3.5, 1.7, 8), (0.05, 10, 17, 0.1, 8, 14),
         (3, 3.5, 1.7, 10, 17, 8), (17, 8, 0.05, 10, 0.1, 14))
    p = ((0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
         (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
         (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
         (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381))
    distance = lambda i: sum(a_j * (x_j - p_j)**2 for a_j, x_j, p_j in zip(a[i], x, p[i]))
    return -sum(alpha[i] * math.exp(-distance(i)) for i in range(4))


PROBLEMS = {"branin": (branin, [(-5, 10), (0, 15)]), "hartmann6": (hartmann6, [(0, 1)] * 6)}


def run_peer(problem, sampler, seed):
    """One run of Optuna, as the program optimizers prints ours."""
    function, bounds = PROBLEMS[problem]
    study = optuna.create_study(sampler=PEERS[sampler](seed))
    seconds, best = 0, []
    for _ in range(EVALUATIONS):
        start = time.perf_counter()
        trial = study.ask()
        x = [trial.suggest_float(f"x{j}", low, high) for j, (low, high) in enumerate(bounds)]
        seconds += time.perf_counter() - start
        loss = function(x)
        study.tell(trial, loss)
        best.append(min(loss, best[-1] if best else loss))
    return {"problem": problem, "sampler": sampler, "seed": seed, "seconds": seconds, "best": best}


def peer_runs(seeds, keep):
    """Optuna's runs: from the file where it has them, else run and written there."""
    if keep and keep.exists():
        return [json.loads(line) for line in keep.read_text().splitlines()]
    runs = []
    for problem in PROBLEMS:
        for sampler in PEERS:
            print(f"running {sampler} on {problem}", file=sys.stderr, flush=True)
            runs += [run_peer(problem, sampler, seed) for seed in range(seeds)]
    if keep:
        keep.write_text("".join(json.dumps(run) + "\n" for run in runs))
    return runs


def our_runs(program, seeds, samplers):
    result = subprocess.run([program, str(EVALUATIONS), str(seeds), *samplers],
                            stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines()]


def at(runs, count):
    return [run["best"][count - 1] for run in runs]


def print_medians(problem, samplers):
    shift, what = ((LEAST[problem], "simple regret") if problem == "branin" else
                   (0, f"least value; the minimum is {LEAST[problem]:.5f}"))
    print(f"\n{problem}: median {what}, after")
    print(f"{'':26}" + "".join(f"{count:>11}" for count in COUNTS) +
          f"   seconds for {EVALUATIONS} suggestions")
    for sampler, runs in samplers.items():
        medians = [statistics.median(at(runs, count)) - shift for count in COUNTS]
        seconds = statistics.median(run["seconds"] for run in runs)
        print(f"{sampler:26}" + "".join(f"{median:11.4g}" for median in medians) +
              f"{seconds:11.4f}")


def print_tests(problem, samplers):
    print(f"\n{problem}: p-value of \"worse than Optuna's\" after {', '.join(map(str, COUNTS))}")
    for sampler in (name for name in samplers if name not in PEERS):
        for peer in AGAINST:
            values = [mannwhitneyu(at(samplers[sampler], count), at(samplers[peer], count),
                                   alternative="greater").pvalue for count in COUNTS]
            verdict = "not worse" if min(values) >= LEVEL else "worse"
            print(f"{sampler:20} {peer:26}" + "".join(f"{p:9.4f}" for p in values) +
                  f"  {verdict}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=Path, default=BENCH.parent / "build" / "release",
                        help="where the program was built (default: build/release)")
    parser.add_argument("--seeds", type=int, default=25, help="runs of each (default: 25)")
    parser.add_argument("--samplers", nargs="*", default=[], help="ours (default: all)")
    parser.add_argument("--keep", type=Path, help="file that Optuna's runs are kept in")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

    runs = our_runs(options.build / "bench" / "optimizers", options.seeds, options.samplers)
    runs += peer_runs(options.seeds, options.keep)
    table = defaultdict(lambda: defaultdict(list))
    for run in runs:
        table[run["problem"]][run["sampler"]].append(run)
    print(f"{options.seeds} seeds; Optuna {optuna.__version__}")
    for problem, samplers in table.items():
        print_medians(problem, samplers)
        print_tests(problem, samplers)


if __name__ == "__main__":
    main()

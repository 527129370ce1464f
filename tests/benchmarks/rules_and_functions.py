"""What 128 evaluations find, against published rules and functions: on digits, and on 1,000 images of CIFAR-10.

    python tests/benchmarks/rules_and_functions.py --folder runs/found --part digits
    python tests/benchmarks/rules_and_functions.py --folder runs/found --part cifar10 --data-dir ~/tfds
    python tests/benchmarks/rules_and_functions.py --folder runs/found --part record

Each part is a list of `automl` commands in one process each, on one core; what has ended is not done again. Rules and functions
are searched by each strategy with several seeds, every candidate trained. The finals are `automl compare`: every value at its
own best rate, on held-out data, on five seeds, p against the first.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from results import record, table

from automl_cli.reporting.statistics import rank_test

ROOT = Path(__file__).parents[2]
STRATEGIES = {"optimizer": ("ppo", "evolution", "random"), "activation": ("evolution", "random")}
"""The strategies that search each role, the default one first."""
RULES, FUNCTIONS = ("powersign", "sgd", "momentum", "adam"), ("relu", "swish", "gelu")
BUDGET = ("--trials", 128)


class Runs:
    """A folder of runs, made by commands."""

    def __init__(self, folder: Path, seeds: int) -> None:
        self.folder = folder
        self.seeds = range(seeds)

    def search(self, command: str, name: str, *flags: object) -> Path:
        """The directory of a search, which is run unless it has ended."""
        out = self.folder / name
        if not (out / "ended").exists():
            self._run(
                command,
                "--out",
                out,
                "--quiet",
                *(["--resume"] if (out / "study.json").exists() else ["--executor", "serial", *flags]),
            )
            (out / "ended").touch()
        return out

    def compare(self, name: str, role: str, values: list[object], *flags: object) -> None:
        """Compare values; the result is written beside the directory."""
        result = self.folder / f"{name}.json"
        if not result.exists():
            given = (f"--{role}", ",".join(map(str, values)), "--executor", "serial", "--overwrite", "--quiet", "--json")
            result.write_text(self._run("compare", *given, "--out", self.folder / name, *flags), encoding="utf-8")

    def _run(self, *arguments: object) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PJRT_NPROC": "1"}
        line = [sys.executable, "-m", "automl_cli", *map(str, arguments)]
        return subprocess.run(line, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    def of(self, role: str, strategy: str) -> list[Path]:
        """The searches of a strategy, by seed."""
        return [self.folder / f"{role}-{strategy}-{seed}" for seed in self.seeds]

    def best(self, role: str, strategy: str) -> Path:
        """The search of a strategy with the highest validation score."""
        return max(self.of(role, strategy), key=score)


def score(run: Path) -> float:
    """The validation score of what a search found."""
    return float(json.loads((run / "best.json").read_text())["body"]["found"]["validation_score"])


def formula(run: Path) -> str:
    """What it found."""
    return str(json.loads((run / "best.json").read_text())["body"]["value"]["expression"])


def digits(runs: Runs) -> None:
    """Searches and finals on digits."""
    for role, published in (("optimizer", RULES), ("activation", FUNCTIONS)):
        for seed in runs.seeds:
            for strategy in STRATEGIES[role]:
                flags = ("--strategy", strategy, "--seed", seed, *BUDGET)
                runs.search(f"search-{role}", f"{role}-{strategy}-{seed}", *flags)
        found = [runs.best(role, strategy) for strategy in STRATEGIES[role]]
        runs.compare(f"final-{role}", role, [*found, *published])


def cifar10(runs: Runs, data_dir: str) -> None:
    """One search each on 1,000 images, and finals on 4,000."""
    data = ("--dataset", "cifar10", "--data-dir", data_dir, "--train-examples")
    for role, published in (("optimizer", RULES), ("activation", FUNCTIONS)):
        found = runs.search(f"search-{role}", f"cifar10-{role}", *data, 1000, *BUDGET)
        runs.compare(f"final-cifar10-{role}", role, [found, *published], *data, 4000, "--epochs", 8)


def searched(runs: Runs, role: str) -> str:
    """The table of the searches of a role."""
    rows, chance = [], np.array([score(run) for run in runs.of(role, "random")])
    for strategy in STRATEGIES[role]:
        scores = [score(run) for run in runs.of(role, strategy)]
        p = "" if strategy == "random" else f"{rank_test(np.array(scores), chance):.2g}"
        spread = f"{mean(scores):.4f} ± {stdev(scores):.4f}" if len(scores) > 1 else f"{scores[0]:.4f}"
        rows.append([strategy, spread, p, f"`{formula(runs.best(role, strategy))}`"])
    return table(
        ("strategy", f"best validation score, {len(runs.seeds)} searches", "p against random", "the best of them"), rows
    )


def verdicts(rows: list[dict[str, Any]], labels: list[str]) -> Iterator[str]:
    """What the first value does against the others, each for itself."""
    first, groups = rows[0], dict[str, list[str]]()
    for row, label in zip(rows[1:], labels[1:], strict=True):
        if row["median"] is None or row["p_value"] is None:
            continue
        better = "beats" if row["median"] < first["median"] else "loses to"
        groups.setdefault(better if row["p_value"] < 0.05 else "does not differ (p >= 0.05) from", []).append(label)
    if groups:
        yield "The first " + "; it ".join(f"{words} {', '.join(names)}" for words, names in groups.items()) + "."


def final(runs: Runs, name: str) -> str:
    """The table of a comparison, where it was made."""
    file = runs.folder / f"{name}.json"
    if not file.exists():
        return "Not measured."
    result: dict[str, Any] = json.loads(file.read_text())
    rows = []
    for row in result["rows"]:
        label = f"`{row['words']}`" if "/" in row["label"] else row["label"]
        if row["median"] is None:
            rows.append([label, "", "no score", "", "", ""])
            continue
        test, p = row["test"], row["p_value"]
        cells = [f"{row['median']:.4f}", f"{mean(test):.4f} ± {stdev(test):.4f}", f"{min(test):.4f}"]
        rows.append([label, f"{row['learning_rate']:g}", *cells, "" if p is None else f"{p:.2g}"])
    verdict = " ".join(verdicts(result["rows"], [row[0] for row in rows]))
    head = f"{result['network']} on {result['dataset']}, {result['epochs']} epochs, {result['seeds']} seeds; test accuracy"
    return (
        f"{head}:\n\n"
        + table(("value", "rate", "median", "mean ± std", "least", "p against the first"), rows)
        + f"\n\n{verdict}"
    )


def section(runs: Runs) -> str:
    """What RESULTS.md says."""
    parts = [
        "### Rules on digits",
        "Searches of 128 trials of the quick preset (convnet-2x32, seven rates for one epoch, then five epochs):",
        searched(runs, "optimizer"),
        final(runs, "final-optimizer"),
        "### Functions on digits",
        "Searches of 128 trials of the quick preset (resnet-8, four epochs):",
        searched(runs, "activation"),
        final(runs, "final-activation"),
        "### Rules on CIFAR-10",
        "One search of 128 trials with ppo on 1,000 images (convnet-2x32, five epochs), finals on 4,000:",
        final(runs, "final-cifar10-optimizer"),
        "### Functions on CIFAR-10",
        "One search of 128 trials with evolution on 1,000 images (resnet-8, five epochs), finals on 4,000:",
        final(runs, "final-cifar10-activation"),
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--part", choices=("digits", "cifar10", "record"), required=True)
    parser.add_argument("--seeds", type=int, default=5, help="Searches of each strategy.")
    parser.add_argument("--data-dir")
    given = parser.parse_args()
    made = Runs(given.folder.absolute(), given.seeds)
    made.folder.mkdir(parents=True, exist_ok=True)
    if given.part == "digits":
        digits(made)
    elif given.part == "cifar10":
        cifar10(made, given.data_dir)
    else:
        record("Rules and functions that 128 evaluations find", "tests/benchmarks/rules_and_functions.py", section(made))

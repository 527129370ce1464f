"""`--strategy auto` against the policy of the deck on real children: networks and NASNet cells, both on digits.

    python tests/benchmarks/auto_on_children.py --folder DIR [--seeds 0-9] [--only arch,cell] [--no-record]

Searches with their quick presets, of 64 trials, paired by seed; the three best of each are trained again, longer, on the seeds
of their preset, and the winner is judged by its mean on as many more that it was not chosen by. A search that is complete in
the folder is not run again, and one that was cut off is resumed. Three hours on one core.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import numpy as np
from in_process import mean_and_error, numbers_of, paired
from results import record, table

from automl_cli.reporting.runs import read_history
from automl_cli.reporting.summary import score_or_none, summarise
from automl_cli.store.artifact import read_artifact
from automl_cli.store.reports import MadeByHand
from automl_cli.store.study import StudySettings

ROOT = Path(__file__).parents[2]

SEARCHES = {"arch": ("search-arch", "reinforce"), "cell": ("search-cell", "ppo")}
"""Commands, each with the policy that the deck searches its space by."""
AUTO = "auto"
TRIALS, AGAIN = 64, 3


def search(command: str, strategy: str, seed: int, folder: Path) -> Path:
    """The directory of a finished search."""
    out = folder / f"{command}-{strategy}-{seed}"
    if (out / "finished").exists():
        return out
    new = ("--seed", seed, "--trials", TRIALS, "--retrain-top", AGAIN, "--executor", "serial", "--strategy", strategy)
    flags = ("--resume",) if (out / "study.json").exists() else new
    line = [sys.executable, "-m", "automl_cli", command, *map(str, flags), "--out", str(out), "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PJRT_NPROC": "1"}
    subprocess.run(line, env=environment, stdout=subprocess.DEVNULL, check=True)
    (out / "finished").touch()
    return out


def scores(run: Path) -> tuple[float, float]:
    """The best validation accuracy in the search, and that of the winner on seeds that it was not chosen by."""
    history = read_history(run)
    winner = summarise(history).baseline
    assert isinstance(winner, MadeByHand)
    scored = (score_or_none(trial, history.settings.reward) for trial in history.trials)
    return max(score for score in scored if score is not None), fmean(winner.winner_scores)


def rows_of(name: str, runs: dict[str, list[Path]]) -> Iterator[list[str]]:
    """The rows of a search, whose runs are given by strategy, `auto` last, in the order of their seeds."""
    found = {strategy: np.array([scores(run) for run in paths]) for strategy, paths in runs.items()}
    for strategy, values in found.items():
        settled = read_artifact(runs[strategy][0] / "study.json", StudySettings).body.strategy
        cells = ["{:.4f} ± {:.4f}".format(*mean_and_error(column)) for column in values.T]
        first = next(iter(found.values()))
        apart = "" if values is first else "{:+.4f} ± {:.4f}".format(*paired(values[:, 1], first[:, 1]))
        yield [name, strategy if strategy == settled else f"{strategy}: {settled}", *cells, apart]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", default="0-9")
    parser.add_argument("--only", default=",".join(SEARCHES))
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    seeds = numbers_of(options.seeds)
    rows: list[list[str]] = []
    for name in options.only.split(","):
        command, policy = SEARCHES[name]
        runs: dict[str, list[Path]] = {policy: [], AUTO: []}
        for seed in seeds:
            for strategy, paths in runs.items():
                paths.append(search(command, strategy, seed, options.folder))
        rows += rows_of(command, runs)
    heads = ("search", "strategy", "best in the search", "the winner after retraining", "difference, pairs of one seed")
    body = (
        f"Validation accuracy on digits, {TRIALS} trials, mean ± standard error over {len(seeds)} seeds of the search; the "
        f"difference with its 95 % interval. The {AGAIN} best are trained again; the winner is scored on further seeds.\n\n"
        f"{table(heads, rows)}"
    )
    if options.no_record:
        print(body)
    else:
        record("`auto` against policies on children", "tests/benchmarks/auto_on_children.py", body)


if __name__ == "__main__":
    main()

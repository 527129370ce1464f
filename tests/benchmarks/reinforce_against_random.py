"""REINFORCE against random search on real children: `automl search-arch` with its quick settings, equal budget, paired seeds.

    python tests/benchmarks/reinforce_against_random.py [--seeds 10] [--workers 2] [--runs DIR]

The seeds 0 … n - 1 are searched with either strategy; a genotype that both propose trains with the same child
seed. Compared are the mean reward of the last quarter of the trials and the best reward found, by a paired t-test and by
Wilcoxon's signed-rank test. Runs that are in DIR already are continued, so an interrupted benchmark goes on.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import numpy as np
from results import record, table
from scipy import stats

from automl_cli.core.rewards import Reward
from automl_cli.core.trials import Trial
from automl_cli.store.artifact import read_artifact
from automl_cli.store.ledger import read_trials
from automl_cli.store.study import StudySettings

STRATEGIES = ("random", "reinforce")
POWER = 0.8


def search(strategy: str, seed: int, *, runs: Path, workers: int) -> Path:
    """The finished run of this strategy and seed."""
    out = runs / strategy / f"seed-{seed}"
    how = ["--resume"] if out.exists() else ["--strategy", strategy, "--seed", str(seed), "--workers", str(workers)]
    command = [Path(sys.executable).with_name("automl"), "search-arch", *how, "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


def figures(run: Path) -> tuple[float, float]:
    """Mean reward of the last quarter of the trials, where one without a score counts as the lowest, and best reward."""
    reward = read_artifact(run / "study.json", StudySettings).body.reward
    trials = sorted(read_trials(run / "journal.jsonl"), key=lambda trial: trial.number)
    lowest = min(rewards_of(trials, reward))
    last = trials[-(len(trials) // 4) :]
    without = sum(trial.outcome.measurement is None for trial in last)
    return fmean([*rewards_of(last, reward), *[lowest] * without]), max(rewards_of(trials, reward))


def rewards_of(trials: list[Trial], reward: Reward) -> list[float]:
    """Those of the trials that have one."""
    return [reward.of(trial.outcome.measurement) for trial in trials if trial.outcome.measurement is not None]


def row(name: str, random: np.ndarray, reinforce: np.ndarray) -> list[str]:
    """One compared figure: means and spreads, difference, tests, and the difference that this many pairs detect."""
    difference = reinforce - random
    pairs, spread = len(difference), difference.std(ddof=1)
    detectable = (stats.t.ppf(0.975, pairs - 1) + stats.t.ppf(POWER, pairs - 1)) * spread / pairs**0.5
    paired, ranked = stats.ttest_rel(reinforce, random).pvalue, stats.wilcoxon(difference).pvalue
    both = [f"{values.mean():.4f} ± {values.std(ddof=1):.4f}" for values in (random, reinforce)]
    won = f"{int((difference > 0).sum())} of {pairs}"
    return [name, *both, f"{difference.mean():+.4f}", won, f"{paired:.1e}", f"{ranked:.1e}", f"{detectable:.4f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/reinforce-against-random"))
    options = parser.parse_args()
    found = {
        strategy: np.array(
            [figures(search(strategy, seed, runs=options.runs, workers=options.workers)) for seed in range(options.seeds)]
        )
        for strategy in STRATEGIES
    }
    names = ("mean reward of the last quarter", "best reward")
    rows = [row(name, found["random"][:, at], found["reinforce"][:, at]) for at, name in enumerate(names)]
    head = [
        "figure",
        "random",
        "reinforce",
        "difference",
        "reinforce ahead",
        "p (paired t)",
        "p (Wilcoxon)",
        "detectable (80 % power)",
    ]
    note = (
        f"{options.seeds} paired seeds of `automl search-arch` (quick preset, digits), mean ± standard deviation over seeds. "
        'The reward is the squared validation accuracy. "Ahead": in how many pairs reinforce is. "Detectable": the '
        "difference that a two-sided paired t-test at 5 % finds with 80 % power, given the spread of the differences."
    )
    record("REINFORCE against random search", "tests/benchmarks/reinforce_against_random.py", f"{table(head, rows)}\n\n{note}")


if __name__ == "__main__":
    main()

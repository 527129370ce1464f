"""PPO, evolution and random search at equal budget on real NASNet children: the figure of RL against random search, small.

    python tests/benchmarks/strategies_on_cells.py [--seeds 3] [--trials 96] [--workers 2] [--runs DIR]

`automl search-cell` with its quick preset but for the number of trials, paired seeds. The ends of the figure's three lines
(best, mean of the best 5, mean of the best 25 so far) are compared. Beside them stands the noise: how far the score of one cell
moves when only the seed of its training changes. Runs that are in DIR already are continued. Twenty minutes and more on two
cores.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import msgspec
import numpy as np
from results import record, table

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.random_streams import stream_seed
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Task
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.store.artifact import read_artifact
from automl_cli.store.ledger import read_trials
from automl_cli.store.study import StudySettings
from automl_cli.system.process import set_up_this_process
from search_spaces.nasnet import QUICK, SPACE

STRATEGIES = ("random", "evolution", "ppo")
TOPS = (1, 5, 25)
NOISE_CELLS, NOISE_SEEDS = 8, 3


def search(strategy: str, seed: int, *, options: argparse.Namespace) -> Path:
    """The finished run of this strategy and seed."""
    out = options.runs / strategy / f"seed-{seed}"
    new = ["--strategy", strategy, "--seed", str(seed), "--trials", str(options.trials), "--workers", str(options.workers)]
    how = ["--resume"] if out.exists() else new
    command = [Path(sys.executable).with_name("automl"), "search-cell", *how, "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


def figures(run: Path) -> list[float]:
    """Mean of the k best scores for each k of the figure, and mean of the last quarter of the trials."""
    trials = sorted(read_trials(run / "journal.jsonl"), key=lambda trial: trial.number)
    reward = read_artifact(run / "study.json", StudySettings).body.reward
    scores = [reward.score(trial.outcome.measurement) for trial in trials if trial.outcome.measurement]
    best = sorted(scores, reverse=True)
    return [*(fmean(best[:top]) for top in TOPS), fmean(scores[-(len(scores) // 4) :])]


def noise(settings: StudySettings) -> float:
    """Pooled standard deviation of a cell's score over seeds of its training."""
    setup = EvaluatorSetup(settings.evaluator, settings.space, msgspec.to_builtins(settings.child))
    evaluator, space = TrainedEvaluator(setup), SearchSpace(SPACE, QUICK.space_options)

    def score(cell: int, seed: int) -> float:
        child = stream_seed(0, "noise", cell, seed)
        task = Task(trial=cell, genotype=space.sample(0, cell), seed=child, epochs=settings.epochs)
        return settings.reward.score(evaluator.evaluate(task))

    scores = np.array([[score(cell, seed) for seed in range(NOISE_SEEDS)] for cell in range(NOISE_CELLS)])
    return float(np.sqrt(scores.var(1, ddof=1).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=96)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/strategies-on-cells"))
    options = parser.parse_args()
    runs = {name: [search(name, seed, options=options) for seed in range(options.seeds)] for name in STRATEGIES}
    set_up_this_process()
    rows = []
    for name, paths in runs.items():
        found = np.array([figures(run) for run in paths])
        rows.append([name, *(f"{column.mean():.4f} ± {column.std(ddof=1):.4f}" for column in found.T)])
    settings = read_artifact(runs["random"][0] / "study.json", StudySettings).body
    titles = ["strategy", *("best" if top == 1 else f"mean of the best {top}" for top in TOPS), "mean of the last quarter"]
    body = (
        f"{table(titles, rows)}\n\n{options.seeds} seeds of {options.trials} trials, {settings.epochs} epochs each, mean ± "
        f"standard deviation over seeds. Noise: the score of one cell has a standard deviation of {noise(settings):.4f} over "
        f"seeds of its training ({NOISE_CELLS} cells, {NOISE_SEEDS} seeds). The paper's figure has 20,000 children of 20 "
        "epochs on CIFAR-10."
    )
    record("Strategies on NASNet children", "tests/benchmarks/strategies_on_cells.py", body)


if __name__ == "__main__":
    main()

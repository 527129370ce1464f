"""Do the children of a quick search of few pictures differ by more than chance? Spread between networks against that between
seeds, with the epochs and splits of presets that count epochs only, and as they are.

    python tests/benchmarks/small_sets.py [--counts 240 1000 5000] [--architectures 10] [--seeds 3]

Pictures of stripes (`gratings`). Before: four epochs, and half of up to 1,400 pictures to validate with. It takes a quarter of
an hour on one core.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import results
from children_of import child_on, setup_of
from gratings import archive
from search_signal import _rank_correlation

from automl_cli.core.random_streams import stream_seed
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Task
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.planning.fitting import fitted
from automl_cli.system.process import set_up_this_process
from automl_cli.values.child import Child
from automl_cli.values.dataset import DatasetReference
from search_spaces.cnn import SPACE

SIDE, NOISE = 12, 90.0
PRESET = SPACE.presets["quick"]


def scores_of(space: SearchSpace, child: Child, epochs: int, *, architectures: int, seeds: int) -> tuple[np.ndarray, float]:
    """Scores (architectures, seeds), and the mean seconds of computing of a child."""
    evaluator = TrainedEvaluator(setup_of(space, child, engine="blocks"))
    scores, start = np.zeros((architectures, seeds)), time.process_time()
    for architecture in range(architectures):
        for seed in range(seeds):
            genotype, drawn = space.sample(0, architecture), stream_seed(0, "signal", architecture, seed)
            task = Task(trial=architecture, genotype=genotype, seed=drawn, epochs=epochs)
            scores[architecture, seed] = PRESET.reward.score(evaluator.evaluate(task))
        print(architecture, np.round(scores[architecture], 3), file=sys.stderr, flush=True)
    return scores, (time.process_time() - start) / scores.size


def row_of(
    name: str, space: SearchSpace, child: Child, epochs: int, *, trials: int, architectures: int, seeds: int
) -> list[str]:
    """A row of the table."""
    scores, seconds = scores_of(space, child, epochs, architectures=architectures, seeds=seeds)
    between, within = scores.mean(1).std(ddof=1), np.sqrt(scores.var(1, ddof=1).mean())
    facts = child.problem.facts
    return [
        name,
        f"{facts['train_examples']:,} / {facts['validation_examples']:,}",
        f"{epochs} ({epochs * child.recipe.steps(facts['train_examples'])})",
        f"{scores.mean():.3f}",
        f"{between:.3f}",
        f"{within:.3f}",
        f"{between / within:.1f}",
        f"{_rank_correlation(scores):.2f}",
        f"{seconds:.1f}",
        str(trials),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[240, 1_000, 5_000])
    parser.add_argument("--architectures", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    space, rows = SearchSpace(SPACE, PRESET.space_options), []
    with tempfile.TemporaryDirectory() as folder:
        for count in asked.counts:
            path = archive(Path(folder) / f"{count}.npz", count, side=SIDE, noise=NOISE)
            learning = count - count // 5
            before = max(learning // 10, min(700, learning // 2)) / count
            child = child_on(DatasetReference(source=str(path)), PRESET.child.recipe)
            old = child_on(DatasetReference(source=str(path), validation_share=before), PRESET.child.recipe)
            now = fitted(PRESET, space, child)
            size = {"architectures": asked.architectures, "seeds": asked.seeds}
            rows.append(row_of(f"{count:,}, before", space, old, PRESET.epochs, trials=PRESET.trials, **size))
            rows.append(row_of(f"{count:,}", space, child, now.epochs, trials=now.trials, **size))
    titles = ["pictures", "train / validate", "epochs (steps)", "mean score", "between networks", "between seeds", "ratio"]
    body = results.table([*titles, "rank correlation of two seeds", "seconds of a child", "trials"], rows)
    intro = (
        f"{asked.architectures} random networks of the quick preset of cnn, {asked.seeds} seeds each, on stripes of "
        f"{SIDE}×{SIDE} pixels in four classes. Between networks: standard deviation of their mean scores; between seeds: "
        "pooled within networks."
    )
    results.record("Children of a quick search of few pictures", "tests/benchmarks/small_sets.py", f"{intro}\n\n{body}")


if __name__ == "__main__":
    set_up_this_process()
    main()

"""Does a search setting carry a signal? Random architectures, several seeds each: how far do architectures differ, how far
seeds?

    python tests/benchmarks/search_signal.py                          the quick preset of cnn, 30 architectures, 3 seeds
    python tests/benchmarks/search_signal.py --epochs 6 --layers 5    another setting, printed and not recorded

It takes a third of an hour on one core.
"""

import argparse
import sys
import time
from typing import Any

import numpy as np
import results
from children_of import child_of, setup_of

from automl_cli.core.random_streams import stream_seed
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Task
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.system.process import set_up_this_process
from automl_cli.values.child import Child
from search_spaces.cnn import SPACE


def scores_of(
    space: SearchSpace, child: Child, epochs: int, *, architectures: int, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (architectures, seeds), and the seconds of computing that each child took."""
    evaluator = TrainedEvaluator(setup_of(space, child, engine="blocks"))
    scores, seconds = np.zeros((architectures, seeds)), np.zeros((architectures, seeds))
    for architecture in range(architectures):
        for seed in range(seeds):
            task = Task(
                trial=architecture,
                genotype=space.sample(0, architecture),
                seed=stream_seed(0, "signal", architecture, seed),
                epochs=epochs,
            )
            start = time.process_time()
            scores[architecture, seed] = SPACE.presets["quick"].reward.score(evaluator.evaluate(task))
            seconds[architecture, seed] = time.process_time() - start
        print(architecture, np.round(scores[architecture], 4), np.round(seconds[architecture], 1), file=sys.stderr, flush=True)
    return scores, seconds


def figures(scores: np.ndarray, seconds: np.ndarray) -> list[list[Any]]:
    """Rows of the table."""
    means = scores.mean(1)
    between, within = means.std(ddof=1), np.sqrt(scores.var(1, ddof=1).mean())
    return [
        ["spread between architectures (standard deviation of their means)", f"{between:.4f}"],
        ["spread between seeds (pooled standard deviation within architectures)", f"{within:.4f}"],
        ["ratio", f"{between / within:.1f}"],
        ["lowest, median, highest mean score", f"{means.min():.3f}, {np.median(means):.3f}, {means.max():.3f}"],
        ["the same ratio without the lowest tenth", f"{_trimmed(scores):.1f}"],
        ["rank correlation of two seeds", f"{_rank_correlation(scores):.2f}"],
        ["seconds of computing per child: median, mean", f"{np.median(seconds):.1f}, {seconds.mean():.1f}"],
    ]


def _trimmed(scores: np.ndarray) -> float:
    kept = scores[scores.mean(1).argsort()[len(scores) // 10 :]]
    return float(kept.mean(1).std(ddof=1) / np.sqrt(kept.var(1, ddof=1).mean()))


def _rank_correlation(scores: np.ndarray) -> float:
    ranks = scores.argsort(0).argsort(0)
    pairs = [(a, b) for a in range(scores.shape[1]) for b in range(a)]
    return float(np.mean([np.corrcoef(ranks[:, a], ranks[:, b])[0, 1] for a, b in pairs]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--variant")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--augment", choices=("standard", "none"))
    asked = parser.parse_args()
    preset = SPACE.presets["quick"]
    trained = {"batch_size": asked.batch_size, "learning_rate": asked.learning_rate, "augmentation": asked.augment}
    trained = {name: value for name, value in trained.items() if value is not None}
    options = {"layers": asked.layers, "curriculum_start": asked.layers, "variant": asked.variant}
    options = {name: value for name, value in options.items() if value is not None}
    child, epochs = child_of(preset, **trained), asked.epochs or preset.epochs
    space = SearchSpace(SPACE, {**preset.space_options, **options})
    scores, seconds = scores_of(space, child, epochs, architectures=asked.architectures, seeds=asked.seeds)
    body = results.table(["figure", "value"], figures(scores, seconds))
    if trained or options or epochs != preset.epochs or (asked.architectures, asked.seeds) != (30, 3):
        print(body)
        return
    children = f"{asked.architectures} random architectures, {asked.seeds} seeds each"
    intro = f"{children}, `{preset.child.dataset}`: {preset.child.recipe}, {epochs} epochs."
    results.record("The quick preset of cnn carries a signal", "tests/benchmarks/search_signal.py", f"{intro}\n\n{body}")


if __name__ == "__main__":
    set_up_this_process()
    main()

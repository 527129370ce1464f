"""Computes statistics of repeated searches. Arrays have the shape (repeats, trials); NaN marks a trial without a score."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from automl_cli.store.run_groups import Reach, Spread

Scores = NDArray[np.float64]
CONFIDENCE = 0.95
ROUNDING = 1e-12


def grid(trials: int) -> list[int]:
    """Return the numbers of trials at which curves are reported: those with at most two significant digits, and the last.

    >>> grid(12), grid(123)[-4:]
    ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [100, 110, 120, 123])
    """
    points, step = [], 1
    for trial in range(1, trials + 1):
        if trial == 100 * step:
            step *= 10
        if trial % step == 0:
            points.append(trial)
    return points if not points or points[-1] == trials else [*points, trials]


def incumbents(rewards: Scores) -> NDArray[np.intp]:
    """Return the index of the best trial so far, the earliest where they tie; -1 while there is none.

    >>> incumbents(np.array([[np.nan, 0.2, 0.1, 0.2, 0.3]])).tolist()
    [[-1, 1, 1, 1, 4]]
    """
    known = np.where(np.isnan(rewards), -np.inf, rewards)
    before = np.concatenate([np.full((len(known), 1), -np.inf), np.maximum.accumulate(known, axis=1)[:, :-1]], axis=1)
    positions = np.arange(known.shape[1])
    return np.maximum.accumulate(np.where(known > before, positions, -1), axis=1)


def top_means(scores: Scores, k: int, points: Sequence[int]) -> Scores:
    """Return the mean of the k best scores among the first n trials, for every n of `points`; of fewer where fewer succeeded.

    >>> top_means(np.array([[0.1, 0.3, np.nan, 0.2]]), 2, [2, 4]).tolist()
    [[0.2, 0.25]]
    """
    known = np.where(np.isnan(scores), -np.inf, scores)
    means = np.full((len(known), len(points)), np.nan)
    for column, point in enumerate(points):
        best = -np.partition(-known[:, :point], min(k, point) - 1, axis=1)[:, :k]
        counted = np.isfinite(best)
        sums = np.where(counted, best, 0.0).sum(axis=1)
        np.divide(sums, counted.sum(axis=1), out=means[:, column], where=counted.any(axis=1))
    return means


def spread(values: Scores) -> Spread:
    """Return mean, standard deviation, and Student's interval of the mean.

    >>> spread(np.array([1.0, 2.0, 3.0])).std
    1.0
    """
    mean = float(values.mean())
    if len(values) < 2:
        return Spread(mean=mean, std=None, low=None, high=None)
    std = float(values.std(ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * std / len(values) ** 0.5
    return Spread(mean=mean, std=std, low=mean - half, high=mean + half)


def difference_interval(ours: Scores, theirs: Scores) -> tuple[float, float] | None:
    """Return Welch's interval of the difference of means; None where a side has fewer than two repeats."""
    if min(len(ours), len(theirs)) < 2:
        return None
    difference = float(ours.mean() - theirs.mean())
    if _constant(ours) and _constant(theirs):
        return difference, difference
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # one side may be constant: its variance is 0, which is right
        interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def _constant(values: Scores) -> bool:
    """Return whether the values differ in nothing but rounding."""
    return float(np.ptp(values)) <= ROUNDING * float(np.abs(values).max())


def rank_test(ours: Scores, theirs: Scores) -> float | None:
    """Return the p-value of the two-sided Mann-Whitney U test; None where a side has fewer than two repeats.

    Repeats with one seed in both groups share uniform proposals and the seeds of children, which correlates them a little. The
    test does not use that: it errs on the side of no difference.
    """
    if min(len(ours), len(theirs)) < 2:
        return None
    if np.ptp(np.concatenate([ours, theirs])) == 0:
        return 1.0
    return float(stats.mannwhitneyu(ours, theirs, alternative="two-sided").pvalue)


def least_p_value(ours: int, theirs: int) -> float:
    """Return the smallest p-value that the rank test can give for so many repeats on each side.

    >>> least_p_value(3, 3), round(least_p_value(4, 4), 3)
    (0.1, 0.029)
    """
    return 2 / math.comb(ours + theirs, ours)


def superiority(ours: Scores, theirs: Scores) -> float:
    """Return the chance that one of ours is above one of theirs, ties counted half.

    >>> superiority(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    greater = (ours[:, None] > theirs).mean()
    equal = (ours[:, None] == theirs).mean()
    return float(greater + equal / 2)


def reach(best_so_far: Scores, target: float) -> Reach:
    """Return how many repeats reached the target, and the median number of trials over all repeats, the others included.

    >>> reach(np.array([[0.1, 0.5], [0.6, 0.6], [0.1, 0.1]]), 0.5)
    Reach(reached=2, median_trials=2.0)
    """
    above = best_so_far >= target
    taken = np.where(above.any(axis=1), above.argmax(axis=1) + 1.0, np.inf)
    median = float(np.median(taken)) if np.isfinite(np.median(taken)) else None
    return Reach(reached=int(above.any(axis=1).sum()), median_trials=median)

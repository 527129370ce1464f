"""Comparisons of groups of runs, as frozen plain data: the part `comparison` of the document of `automl report --json`."""

from msgspec import Struct

from automl_cli.store.study import Count


class ReportPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a report. It is read strictly."""


class Spread(ReportPart, frozen=True):
    """A figure over repeats: mean, standard deviation, and the 95 % confidence interval of the mean by Student's t.

    `low` and `high` are None for a single repeat; so is `std`, which a difference of two means does not have either.
    """

    mean: float
    std: float | None
    low: float | None
    high: float | None


class Point(ReportPart, frozen=True):
    """A figure after this many trials."""

    trials: Count
    value: Spread


class IncumbentPoint(ReportPart, frozen=True):
    """The incumbent (best by reward) after this many trials: its score, and the mean over repeats of each report column."""

    trials: Count
    score: Spread
    columns: dict[str, float]


class Reach(ReportPart, frozen=True):
    """Number of repeats that reached the target score, and the median number of trials they took (None: half never did)."""

    reached: Count
    median_trials: float | None


class BesideMadeByHand(ReportPart, frozen=True):
    """The winners of repeats beside what people would make by hand: a value of `role`, by name.

    `compared` repeats have trained both, and in `beating` of them the winner beats it, as `MadeByHand` says. `gain` is by how
    much winners are better.
    """

    role: str
    name: str
    compared: Count
    beating: Count
    gain: Spread


class GroupSummary(ReportPart, frozen=True):
    """The repeats of one search with different seeds. `top_means[k]` is the mean of the k best scores so far, and
    `made_by_hand` is None where no winner was compared with what is made by hand."""

    name: str
    strategy: str
    seeds: tuple[int, ...]
    curve: tuple[IncumbentPoint, ...]
    top_means: dict[str, tuple[Point, ...]]
    reach: Reach
    made_by_hand: BesideMadeByHand | None


class Contrast(ReportPart, frozen=True):
    """A group against the baseline after equally many trials.

    `difference` is that of the means, with Welch's 95 % confidence interval. `p_value` is that of the two-sided Mann-Whitney U
    test over repeats, None with fewer than two on a side; `superiority` the chance that a repeat of the group beats one of the
    baseline, ties counted half.
    """

    group: str
    baseline: str
    measure: str
    trials: Count
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    superiority: float


class TopDifference(ReportPart, frozen=True):
    """Mean of the k best scores so far, minus the same of the baseline (NAS, arXiv 1611.01578, figure 6)."""

    group: str
    baseline: str
    k: Count
    points: tuple[Point, ...]


class Comparison(ReportPart, frozen=True):
    """Groups of runs on the same task, over the first `trials` trials, which all of them finished.

    `target` is the score that `reach` is about.
    """

    trials: Count
    baseline: str
    target: float
    groups: tuple[GroupSummary, ...]
    contrasts: tuple[Contrast, ...]
    top_differences: tuple[TopDifference, ...]

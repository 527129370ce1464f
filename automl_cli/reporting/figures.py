"""Writes figures as text: scores with their digits, whole numbers as such, means with their intervals."""

from collections.abc import Iterable, Sequence

from automl_cli.core.numbers import counted
from automl_cli.store.reports import RunSummary
from automl_cli.store.run_groups import Spread

EXACT_MEANS = 100
"""Means of whole numbers of at least this size are rounded to whole ones; smaller ones keep one digit."""

LEAST_FIXED = 5e-4
"""A metric smaller than this would lose its digits as a number with four of them."""


def number(value: float, *, whole: bool = False, signed: bool = False) -> str:
    """Return a figure as text; `whole` says that it is a whole number, or a mean of such.

    >>> number(0.5), number(93.206), number(2088429.2, whole=True), number(2.5, whole=True), number(3, signed=True)
    ('0.5000', '93.206', '2,088,429', '2.5', '+3')
    """
    sign = "+" if signed else ""
    if isinstance(value, int) or (whole and (abs(value) >= EXACT_MEANS or value == round(value))):
        return f"{round(value):{sign},}"
    digits = 1 if whole else 4 if abs(value) < 10 else 3
    return f"{value:{sign},.{digits}f}"


def metric(value: float) -> str:
    """Return a metric of a trial as text; a small one, such as a learning rate, with its power of ten.

    >>> metric(1e-05), metric(0.25), metric(9962)
    ('1e-05', '0.2500', '9,962')
    """
    return f"{value:.3g}" if 0 < abs(value) < LEAST_FIXED else number(value)


def mean_and_interval(spread: Spread, *, whole: bool = False, signed: bool = False) -> str:
    """Return the mean with the bounds of its 95 % interval in brackets, if it has one; all with as many digits.

    >>> mean_and_interval(Spread(mean=93.206, std=0.0773, low=93.11, high=93.302))
    '93.206 [93.110, 93.302]'
    """
    mean = number(spread.mean, whole=whole, signed=signed)
    if spread.low is None or spread.high is None:
        return mean
    if whole:
        return f"{mean} [{', '.join(number(end, whole=True, signed=signed) for end in (spread.low, spread.high))}]"
    digits = len(mean.partition(".")[2])
    low, high = (f"{end:{'+' if signed else ''},.{digits}f}" for end in (spread.low, spread.high))
    return f"{mean} [{low}, {high}]"


def size(parameters: int, multiply_adds: int) -> str:
    """Return what a network costs, in words.

    >>> size(1, 2088429)
    '1 parameter, 2,088,429 multiply-adds'
    """
    return f"{counted(parameters, 'parameter')}, {counted(multiply_adds, 'multiply-add')}"


def whole_columns(names: Iterable[str], runs: Sequence[RunSummary]) -> set[str]:
    """Return those of the metrics that hold whole numbers in every run, such as parameters."""
    best = [trial.metrics for run in runs for trial in run.top]
    return {name for name in names if best and all(isinstance(metrics.get(name), int) for metrics in best)}


def top_words(k: int) -> str:
    """Return the name of the mean of the k best scores so far.

    >>> top_words(1), top_words(5)
    ('best', 'top-5 mean')
    """
    return "best" if k == 1 else f"top-{k} mean"


def top_names(ks: Iterable[int], trials: int) -> dict[int, str]:
    """Return a name for the mean of the k best of so many trials, for each k that says something new.

    >>> top_names((1, 5, 25), 100), top_names((1, 5, 25), 5)
    ({1: 'best', 5: 'top-5 mean', 25: 'top-25 mean'}, {1: 'best', 5: 'top-5 mean'})
    >>> top_names((1, 5, 25), 10)
    {1: 'best', 5: 'top-5 mean', 25: 'mean of all'}
    """
    found: dict[int, str] = {}
    for k in ks:
        if max(found, default=0) < trials:
            found[k] = top_words(k) if k <= trials else "mean of all"
    return found

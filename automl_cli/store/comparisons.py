"""The documents of `automl compare --json`: values of one role against each other, on data or on an analytic problem."""

from msgspec import Struct

from automl_cli.store.run_groups import Spread


class RateScore(Struct, frozen=True, kw_only=True):
    """A learning rate and what it was judged by; None where it diverged.

    On data that is the validation score after one epoch, on an analytic problem the last value of the function.
    """

    learning_rate: float
    score: float | None


class ComparedRow(Struct, frozen=True, kw_only=True):
    """A value trained at its best rate. `validation` and `test` are scores of the trainings that ended well, by seed.

    `spread` is that of `test`. `p_value` is that of the two-sided Mann-Whitney U test of `test` against the first value, not
    corrected for how many values there are; None for the first, and where so few trainings can give no p below 0.05. `missing`
    counts trainings without a score by how they ended, `message` says why for the first of them.
    """

    label: str
    words: str
    learning_rate: float | None
    rates: tuple[RateScore, ...]
    validation: tuple[float, ...]
    test: tuple[float, ...]
    median: float | None
    spread: Spread | None
    p_value: float | None
    missing: dict[str, int]
    message: str


class Verdict(Struct, frozen=True, kw_only=True):
    """The comparison of a value that a search found with one that needs no search: the means of their test scores.

    `beats` is true where the found one is better with a p below 0.05, false where its mean is no better, and None where it is
    better and the seeds do not show it. `p_value` is None where there are too few seeds for one below 0.05.
    """

    label: str
    against: str
    mean: float
    other_mean: float
    p_value: float | None
    beats: bool | None


class ComparisonResult(Struct, frozen=True, kw_only=True):
    """The result of a comparison on data. `score` names what `test` holds. `verdicts` are about found values of kinds that have
    one to be measured against."""

    directory: str
    role: str
    dataset: str
    network: str
    score: str
    epochs: int
    seeds: int
    seed: int
    rows: tuple[ComparedRow, ...]
    verdicts: tuple[Verdict, ...] = ()


class DescentPoint(Struct, frozen=True):
    """The value of a function after so many steps."""

    steps: int
    value: float


class DescentRow(Struct, frozen=True, kw_only=True):
    """A rule at its best rate on an analytic problem: the last value and distance from the minimum, and the course.

    They are None and empty where it diverged at every rate.
    """

    label: str
    words: str
    learning_rate: float | None
    rates: tuple[RateScore, ...]
    value: float | None
    distance: float | None
    curve: tuple[DescentPoint, ...]


class DescentResult(Struct, frozen=True, kw_only=True):
    """The result of a comparison on an analytic problem, whose minimum is 0."""

    problem: str
    formula: str
    start: tuple[float, ...]
    steps: int
    seed: int
    rows: tuple[DescentRow, ...]

"""Reports of `automl compare`: values of one role against each other, as tables and plots."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from automl_cli.core.numbers import counted
from automl_cli.core.trials import Stage, Trial
from automl_cli.kinds.comparison import ComparisonSettings
from automl_cli.plugins.roles import words_of
from automl_cli.report.figures import mean_and_interval, number
from automl_cli.report.sections import SIGNIFICANT
from automl_cli.store.comparisons import ComparedRow, ComparisonResult, DescentResult, DescentRow, RateScore
from automl_cli.values.expressions.tree import number_text
from automl_cli.values.sheet import Facts, Grid, Heading, Part

if TYPE_CHECKING:
    from pathlib import Path

    from automl_cli.store.reports import Spread


def comparison_result(
    directory: "Path", settings: ComparisonSettings, trials: Sequence[Trial], rates: Mapping[int, int]
) -> ComparisonResult:
    """Return the result of these trainings; `rates` are the indices of the rates that were chosen, by value."""
    score = _score_name(settings, trials)
    rows: list[ComparedRow] = []
    for value in range(len(settings.values)):
        own = [trial for trial in trials if trial.task.genotype[0] == value]
        rows.append(_row(settings, value, own, rates.get(value), score, baseline=rows[0] if rows else None))
    network = settings.child.roles.get("network")
    return ComparisonResult(
        directory=str(directory),
        role=settings.role,
        dataset=settings.child.problem.source,
        network="" if network is None else network.name or network.kind,
        score=score,
        epochs=settings.epochs,
        seeds=settings.seeds,
        seed=settings.seed,
        rows=tuple(rows),
    )


def _score_name(settings: ComparisonSettings, trials: Sequence[Trial]) -> str:
    """Return the name of the test score that goes with the metric of the validation, or else of the first one."""
    wanted = f"test_{settings.child.problem.dataset.get('metric', '')}".replace("-", "_")
    known = [
        name
        for trial in trials
        if trial.outcome.measurement is not None
        for name in trial.outcome.measurement.metrics
        if name.startswith("test_")
    ]
    return wanted if wanted in known or not known else known[0]


def _row(
    settings: ComparisonSettings,
    value: int,
    trials: Sequence[Trial],
    rate: int | None,
    score: str,
    *,
    baseline: ComparedRow | None,
) -> ComparedRow:
    finals = sorted((trial for trial in trials if trial.task.stage is Stage.RETRAIN), key=lambda trial: trial.number)
    ended = [trial.outcome.measurement for trial in finals if trial.outcome.measurement is not None]
    test = tuple(float(measurement.metrics[score]) for measurement in ended)
    sweep = {trial.task.genotype[1]: trial.outcome.measurement for trial in trials if trial.task.stage is Stage.SEARCH}
    rates = settings.rates_of(value)
    without = [trial.outcome for trial in (finals or trials) if trial.outcome.measurement is None]
    return ComparedRow(
        label=settings.values[value].label,
        words=words_of(settings.values[value].filling),
        learning_rate=None if rate is None else rates[rate],
        rates=tuple(
            RateScore(learning_rate=rates[at], score=None if found is None else found.scores[-1])
            for at, found in sorted(sweep.items())
        ),
        validation=tuple(measurement.scores[-1] for measurement in ended),
        test=test,
        median=median(test) if test else None,
        spread=_spread(test),
        p_value=None if baseline is None else _p_value(test, baseline.test),
        missing=dict(Counter(outcome.ending for outcome in without)) if finals or rate is None else {},
        message=without[0].message if without and (finals or rate is None) else "",
    )


def _spread(scores: Sequence[float]) -> "Spread | None":
    import numpy as np

    from automl_cli.report.statistics import spread

    return spread(np.array(scores)) if scores else None


def _p_value(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Return the p-value of the rank test; None where it could not be below `SIGNIFICANT`, whatever the scores."""
    import numpy as np

    from automl_cli.report.statistics import least_p_value, rank_test

    if not ours or not theirs or least_p_value(len(ours), len(theirs)) >= SIGNIFICANT:
        return None
    return rank_test(np.array(ours), np.array(theirs))


def comparison_parts(result: ComparisonResult) -> Iterator[Part]:
    """Yield the table, and what is to be known of it."""
    what = f"{counted(len(result.rows), result.role)} of {result.network} on {result.dataset}"
    how = f"{counted(result.epochs, 'epoch')}, {counted(result.seeds, 'seed')}"
    yield Heading(what, f"{how}: {result.score.replace('_', ' ')}")
    titles = (result.role, "rate", "median", "mean [95 %]", "std", "p", "validation")
    yield Grid(titles, tuple(_cells(row) for row in result.rows))
    yield Facts(tuple(_notes(result)))


def _cells(row: ComparedRow) -> tuple[str, ...]:
    rate = "-" if row.learning_rate is None else number_text(row.learning_rate)
    if row.spread is None or row.median is None:
        return (row.label, rate, *(["-"] * 5))
    deviation = "-" if row.spread.std is None else number(row.spread.std)
    p_value = "-" if row.p_value is None else f"{row.p_value:.2g}"
    mean = sum(row.validation) / len(row.validation)
    return row.label, rate, number(row.median), mean_and_interval(row.spread), deviation, p_value, number(mean)


def _cause(message: str) -> str:
    """Return the message of an outcome without the exception's name and place.

    >>> _cause("Diverged: the loss is not finite (fit.py:118 in _train_epoch)")
    'the loss is not finite'
    """
    return re.sub(r" \(\S+:\d+ in \w+\)$", "", message.removeprefix("Diverged: "))


def _notes(result: ComparisonResult) -> Iterator[tuple[str, str]]:
    for row in result.rows:
        if row.missing:
            endings = ", ".join(f"{count} {ending}" for ending, count in row.missing.items())
            yield row.label, f"no score: {endings}; {_cause(row.message)}"
    if any(len(row.rates) > 1 for row in result.rows):
        yield "rate", "the best validation score after one epoch, as in searches that try several"
    yield "p", f"of the rank test against {result.rows[0].label}, for each alone; - where so few seeds can give none below 0.05"


def descent_parts(result: DescentResult) -> Iterator[Part]:
    """Yield the table of rules on an analytic problem."""
    same = len(set(result.start)) == 1
    start = f"all {number_text(result.start[0])}" if same else f"({', '.join(map(number_text, result.start))})"
    yield Heading(result.problem, f"{result.formula}, from {start}, {counted(result.steps, 'step')}")
    rows = tuple(
        (
            row.label,
            "-" if row.learning_rate is None else number_text(row.learning_rate),
            "diverged" if row.value is None else f"{row.value:.3g}",
            "-" if row.distance is None else f"{row.distance:.3g}",
            _steps_below(row, 1e-3),
            _diverged_at(row.rates),
        )
        for row in result.rows
    )
    yield Grid(("optimizer", "rate", "last value", "distance", "steps to 0.001", "diverged at"), rows, words=("diverged at",))
    yield Facts((("rate", f"of {_rates(result.rows)}, the one with the lowest last value"),))


def _steps_below(row: DescentRow, value: float) -> str:
    """Return after how many steps the curve was below a value for the first time, to two digits."""
    return next((f"{point.steps:,}" for point in row.curve if point.value < value), "-")


def _diverged_at(rates: Iterable[RateScore]) -> str:
    return ", ".join(number_text(one.learning_rate) for one in rates if one.score is None) or "-"


def _rates(rows: Sequence[DescentRow]) -> str:
    return ", ".join(number_text(one.learning_rate) for one in rows[0].rates)

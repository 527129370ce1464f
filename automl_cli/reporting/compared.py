"""Reports of `automl compare`: values of one role against each other, as tables and plots."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from statistics import mean, median
from typing import TYPE_CHECKING

from automl_cli.core.numbers import counted
from automl_cli.core.trials import Stage, Trial
from automl_cli.jobs.compare import best_rates, check_trainings, ledger_of
from automl_cli.kinds.comparison import ComparisonSettings
from automl_cli.plugins.listing import kind_named
from automl_cli.plugins.roles import words_of
from automl_cli.reporting.figures import mean_and_interval, number
from automl_cli.reporting.sections import SIGNIFICANT
from automl_cli.store.artifact import read_artifact
from automl_cli.store.comparisons import ComparedRow, ComparisonResult, DescentResult, DescentRow, RateScore, Verdict
from automl_cli.store.file_names import COMPARISON_FILE, JOURNAL_FILE
from automl_cli.values.child import Filling
from automl_cli.values.expressions.tree import number_text
from automl_cli.values.sheet import Facts, Grid, Heading, Part

if TYPE_CHECKING:
    from pathlib import Path

    from automl_cli.store.run_groups import Spread


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
        verdicts=tuple(_verdicts(settings, trials, rows)),
    )


def recorded_result(directory: "Path") -> ComparisonResult:
    """Return the result of the trainings that are on record in the directory of a comparison, which may be still running."""
    settings = read_artifact(directory / COMPARISON_FILE, ComparisonSettings).body
    ledger = ledger_of(directory / JOURNAL_FILE)
    check_trainings(directory / JOURNAL_FILE, settings, ledger)
    trials = tuple(ledger.trials.values())
    return comparison_result(directory, settings, trials, best_rates(settings, trials))


def _verdicts(settings: ComparisonSettings, trials: Sequence[Trial], rows: Sequence[ComparedRow]) -> Iterator[Verdict]:
    """Yield how each found value does against the one that its kind is measured against, where both have scores."""
    measured = [trial.outcome.measurement for trial in trials if trial.outcome.measurement is not None]
    sign = -1 if any(one.metrics["lower_is_better"] for one in measured) else 1
    fillings = [value.filling for value in settings.values]
    found = [row for row, filling in zip(rows, fillings, strict=True) if filling.name is None and row.test]
    yardsticks = [row for row, filling in zip(rows, fillings, strict=True) if _is_yardstick(filling) and row.test]
    for row, other in product(found, yardsticks):
        p_value = _p_value(row.test, other.test)
        better = sign * (mean(row.test) - mean(other.test)) > 0
        yield Verdict(
            label=row.label,
            against=other.label,
            mean=mean(row.test),
            other_mean=mean(other.test),
            p_value=p_value,
            beats=False if not better else True if p_value is not None and p_value < SIGNIFICANT else None,
        )


def _is_yardstick(filling: Filling) -> bool:
    """Return whether found values of this kind are measured against this one, in whatever surroundings: BASELINE+NAME."""
    yardstick = kind_named(filling.kind).yardstick
    return yardstick is not None and filling.name is not None and filling.name.rpartition("+")[2] == yardstick


def verdict_in_words(verdict: Verdict) -> str:
    """Return whether the found value beats the other one, with the means."""
    means = f"mean {number(verdict.mean)} against {number(verdict.other_mean)}"
    if verdict.beats:
        return f"beats {verdict.against}: {means}, p {verdict.p_value:.2g}"
    if verdict.beats is False:
        return f"does not beat {verdict.against}: {means}"
    why = "with so few seeds no p is below 0.05" if verdict.p_value is None else f"p {verdict.p_value:.2g}"
    return f"is not shown to beat {verdict.against}: {means}, {why}"


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

    from automl_cli.reporting.statistics import spread

    return spread(np.array(scores)) if scores else None


def _p_value(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Return the p-value of the rank test; None where it could not be below `SIGNIFICANT`, whatever the scores."""
    import numpy as np

    from automl_cli.reporting.statistics import least_p_value, rank_test

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
    validation = number(mean(row.validation))
    return row.label, rate, number(row.median), mean_and_interval(row.spread), deviation, p_value, validation


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
    for verdict in result.verdicts:
        yield verdict.label, verdict_in_words(verdict)
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

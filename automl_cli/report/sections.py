"""Summaries and comparisons as blocks of words and figures: first what was found, then how it went, then what it cost.

A block is laid out by `terminal` and by `page`; what is said, and how figures are written, is decided here.
"""

from collections.abc import Iterable, Iterator, Sequence

from automl_cli.core.numbers import by_times, counted, duration
from automl_cli.store.reports import (
    Comparison,
    Contrast,
    CurvePoint,
    GroupSummary,
    RankedTrial,
    Reason,
    RunCost,
    RunSummary,
    Spread,
    TransferSummary,
)
from automl_cli.store.study import Retraining
from automl_cli.values.sheet import Facts, Grid, Heading, Part

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.-:=+*#"
SPARK_WIDTH = 40
REASONS_SHOWN = 5
"""As many reasons for missing scores; with --json there are all."""
METRICS_SHOWN = 3
"""As many metrics as have room beside rank, trial and score at 80 columns."""


def run_blocks(run: RunSummary, *, bars: str | None = BARS) -> Iterator[Part]:
    """One run. `bars` are the characters of the sparkline, from low to high; None where a plot stands beside."""
    yield Heading(run.name, _in_words(run))
    yield Facts(tuple(_facts(run, bars)))
    if run.reasons:
        yield Facts(tuple(_reason_facts(run.reasons)))
    if run.top:
        yield _top_grid(run.top)
    if run.retraining:
        yield Facts(tuple(_retraining_facts(run.retraining)))
    if run.transfer:
        yield Facts(tuple(_transfer_facts(run.transfer)))
    yield Facts(tuple(_cost_facts(run.cost)))


def comparison_blocks(comparison: Comparison, runs: Sequence[RunSummary]) -> Iterator[Part]:
    """Groups of runs against each other."""
    baseline = f" against {comparison.baseline}" if comparison.contrasts else ""
    task = f"{runs[0].command}{_on(runs[0].dataset)}, space {runs[0].space}"
    yield Heading(task, f"after {comparison.trials} trials of each run{baseline}; ± is half of a 95 % interval")
    yield _group_grid(comparison)
    if columns := comparison.groups[0].curve[-1].columns:
        yield _column_grid(comparison, columns)
    if comparison.contrasts:
        yield _contrast_grid(comparison.contrasts)
    if differences := tuple(_difference_facts(comparison)):
        yield Facts(differences)
    yield Facts(tuple(_cost_facts(total_cost([run.cost for run in runs]))))


def sparkline(curve: Sequence[CurvePoint], trials: int, bars: str = BARS, width: int = SPARK_WIDTH) -> str:
    """Best score so far against trials; a blank where there is none yet.

    >>> sparkline([CurvePoint(trials=2, score=0.1), CurvePoint(trials=4, score=0.8)], 4, "_-#")
    ' __#'
    """
    width = min(width, trials)
    values = [_best_after(curve, (column + 1) * trials // width) for column in range(width)]
    low, high = curve[0].score, curve[-1].score
    return "".join(" " if value is None else bars[_level(value, low, high, len(bars))] for value in values)


def spread_in_words(spread: Spread, *, signed: bool = False) -> str:
    """The mean and half of its interval.

    >>> spread_in_words(Spread(mean=0.5, std=0.1, low=0.4, high=0.6))
    '0.5000 ± 0.1000'
    """
    interval = "" if spread.low is None or spread.high is None else f" ± {(spread.high - spread.low) / 2:.4f}"
    return f"{spread.mean:{'+' if signed else ''}.4f}{interval}"


def total_cost(costs: Sequence[RunCost]) -> RunCost:
    """What several runs spent together."""
    return RunCost(
        compute_seconds=sum(cost.compute_seconds for cost in costs),
        wall_seconds=sum(cost.wall_seconds for cost in costs),
        trained=sum(cost.trained for cost in costs),
        reused=sum(cost.reused for cost in costs),
        failed=sum(cost.failed for cost in costs),
        published=costs[0].published,
    )


def _in_words(run: RunSummary) -> str:
    complete = run.trials >= run.planned_trials and not run.to_retrain
    state = "running" if run.running else "finished" if complete else "stopped"
    return f"{run.command}{_on(run.dataset)}, space {run.space}, {run.strategy}, seed {run.seed}: {state}"


def _on(dataset: str | None) -> str:
    return f" on {dataset}" if dataset else ""


def _facts(run: RunSummary, bars: str | None) -> Iterator[tuple[str, str]]:
    statuses = ", ".join(f"{count} {status}" for status, count in run.statuses.items())
    yield "trials", f"{run.trials} of {run.planned_trials}" + (f": {statuses}" if statuses else "")
    if run.to_retrain and run.trials >= run.planned_trials:
        yield "retraining", f"of the {run.to_retrain} best, not complete"
    if run.best is None:
        yield "best", "no trial has succeeded yet"
        return
    yield "best", f"score {run.best.score:.4f} in trial {run.best.trial}, reward {run.best.reward:.4f}"
    if bars:
        line = sparkline(run.curve, run.trials, bars)
        yield "best so far", f"{run.curve[0].score:.4f} {line} {run.curve[-1].score:.4f}"
    yield "mean by quarter", "  ".join("-" if mean is None else f"{mean:.4f}" for mean in run.quarters)


def _reason_facts(reasons: Sequence[Reason]) -> Iterator[tuple[str, str]]:
    for reason in reasons[:REASONS_SHOWN]:
        message = reason.message.partition("\n")[0] or "no message"
        yield f"{reason.trials:,} {reason.status}", f"{message} (first in trial {reason.first})"
    if left := sum(reason.trials for reason in reasons[REASONS_SHOWN:]):
        yield f"{left:,} more", f"for {counted(len(reasons) - REASONS_SHOWN, 'other reason')}; all of them with --json"


def _cost_facts(cost: RunCost) -> Iterator[tuple[str, str]]:
    children = f"{counted(cost.trained, 'child/children')} scored, {cost.reused:,} reused, {cost.failed:,} without a score"
    yield "spent", f"{duration(cost.compute_seconds)} of compute in {duration(cost.wall_seconds)} by the clock: {children}"
    if cost.published:
        yield "the paper spent", cost.published


def _retraining_facts(retraining: Retraining) -> Iterator[tuple[str, str]]:
    for row in retraining.candidates:
        longer = "failed" if row.retrained_score is None else f"{row.retrained_score:.4f}"
        yield (
            f"trial {row.trial}",
            f"{row.search_score:.4f} in the search, {longer} after {counted(retraining.epochs, 'epoch')}",
        )
    correlation = retraining.rank_correlation
    yield "rank correlation", "undefined" if correlation is None else f"{correlation:.2f}"


def _transfer_facts(transfer: TransferSummary) -> Iterator[tuple[str, str]]:
    """What the winner was scaled to, what that costs, and what was trained or not."""
    shape = by_times(transfer.image_shape)
    yield (
        "scaled to" if transfer.network else "to be scaled to",
        f"{transfer.target}: {transfer.stack}, images of {shape}, {transfer.classes:,} classes",
    )
    if transfer.network is not None:
        yield "network", f"{transfer.parameters:,} parameters, {transfer.multiply_adds:,} multiply-adds, F = {transfer.filters}"
    match transfer.state:
        case "trained":
            top5 = "" if transfer.test_top5_accuracy is None else f", top-5 {transfer.test_top5_accuracy:.4f}"
            yield "trained", f"{transfer.epochs} epochs: test accuracy {transfer.test_accuracy:.4f}{top5}"
        case "training":
            yield "trained", f"not to the end yet; go on with: {transfer.command}"
        case "written":
            yield "trained", f"nothing: {transfer.problem}"
            yield "train it with", f"{transfer.command}"


def _difference_facts(comparison: Comparison) -> Iterator[tuple[str, str]]:
    for difference in comparison.top_differences:
        if difference.points:
            name = f"mean of the best {difference.k}" if difference.k > 1 else "best"
            yield (
                f"{name}, {difference.group} minus {difference.baseline}",
                spread_in_words(difference.points[-1].value, signed=True),
            )


def _top_grid(top: Sequence[RankedTrial]) -> Grid:
    shared = [name for name in top[0].metrics if all(name in trial.metrics for trial in top)][:METRICS_SHOWN]
    rows = (
        (str(rank), str(trial.trial), f"{trial.score:.4f}", *(_number(trial.metrics[name]) for name in shared))
        for rank, trial in enumerate(top, start=1)
    )
    return Grid(("rank", "trial", "score", *(name.replace("_", " ") for name in shared)), tuple(rows))


def _group_grid(comparison: Comparison) -> Grid:
    titles = ("search", "repeats", "best so far", "std", "top-5", "top-25", f"reach {comparison.target:.4f}")
    return Grid(titles, tuple(_group_row(group) for group in comparison.groups))


def _group_row(group: GroupSummary) -> tuple[str, ...]:
    end = group.curve[-1].score
    means = (f"{points[-1].value.mean:.4f}" if (points := group.top_means[k]) else "-" for k in ("5", "25"))
    median = "" if group.reach.median_trials is None else f", median {group.reach.median_trials:g}"
    reached = f"{group.reach.reached}/{len(group.seeds)}{median}"
    std = "-" if end.std is None else f"{end.std:.4f}"
    return (group.name, str(len(group.seeds)), spread_in_words(end), std, *means, reached)


def _column_grid(comparison: Comparison, columns: Iterable[str]) -> Grid:
    """The mean of every report column, for the incumbents."""
    shown = [name for name in columns if all(name in group.curve[-1].columns for group in comparison.groups)]
    rows = ((group.name, *(f"{group.curve[-1].columns[name]:.4f}" for name in shown)) for group in comparison.groups)
    return Grid(("of the best so far", *shown), tuple(rows))


def _contrast_grid(contrasts: Iterable[Contrast]) -> Grid:
    titles = ("search", "measure", "above the baseline", "p (rank test)", "wins")
    return Grid(titles, tuple(_contrast_row(contrast) for contrast in contrasts))


def _contrast_row(contrast: Contrast) -> tuple[str, ...]:
    difference = Spread(mean=contrast.difference, std=None, low=contrast.low, high=contrast.high)
    p_value = "-" if contrast.p_value is None else f"{contrast.p_value:.2g}"
    return (contrast.group, contrast.measure, spread_in_words(difference, signed=True), p_value, f"{contrast.superiority:.0%}")


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _best_after(curve: Sequence[CurvePoint], trials: int) -> float | None:
    return next((point.score for point in reversed(curve) if point.trials <= trials), None)


def _level(value: float, low: float, high: float, levels: int) -> int:
    return levels - 1 if high <= low else min(levels - 1, int((value - low) / (high - low) * levels))

"""Describes summaries and comparisons as blocks of words and figures: first the result, then the course, then the cost.

A block is laid out by `terminal` and by `page`; what is said, and how figures are written, is decided here.
"""

from collections.abc import Iterable, Iterator, Sequence

from automl_cli.core.numbers import by_times, counted, duration
from automl_cli.reporting.figures import mean_and_interval, metric, number, size, top_names, whole_columns
from automl_cli.reporting.made_by_hand import by_hand_in_words
from automl_cli.reporting.pareto import pareto_grid
from automl_cli.store.reports import CurvePoint, RankedTrial, Reason, RunCost, RunSummary, TransferSummary
from automl_cli.store.run_groups import Comparison, Contrast, Spread
from automl_cli.store.study import Retraining, joined_in_words
from automl_cli.values.sheet import Facts, Grid, Heading, Part

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.-:=+*#"
SPARK_WIDTH = 40
REASONS_SHOWN = 5
"""The number of reasons for missing scores that are listed; --json has all."""
METRICS_SHOWN = 3
"""The number of metrics that have room beside rank, trial and score at 80 columns."""
SIGNIFICANT = 0.05
ENOUGH_REPEATS = 4
"""With so many repeats on each side the rank test can give a p below `SIGNIFICANT`."""


def run_blocks(run: RunSummary, *, bars: str | None = BARS) -> Iterator[Part]:
    """Yield the blocks about one run. `bars` are the characters of the sparkline, from low to high; None beside a plot."""
    yield Heading(run.name, _in_words(run))
    yield Facts((*_facts(run, bars), *_reached(run), *_stopped(run)))
    if run.reasons:
        yield Facts(tuple(_reason_facts(run.reasons)))
    if run.top:
        yield _top_grid(run.top)
    if run.pareto:
        yield pareto_grid(run.pareto)
    if run.retraining:
        yield Facts(tuple(_retraining_facts(run.retraining)))
    if run.baseline:
        yield Facts((("made by hand", by_hand_in_words(run.baseline)),))
    if run.transfer:
        yield Facts(tuple(transfer_facts(run.transfer)))
    yield Facts(tuple(_cost_facts(run.cost)))


def comparison_blocks(comparison: Comparison, runs: Sequence[RunSummary]) -> Iterator[Part]:
    """Yield the blocks about groups of runs against each other."""
    baseline = f" against {comparison.baseline}" if comparison.contrasts else ""
    task = f"{runs[0].command}{_on(runs[0].dataset)}, space {runs[0].space}"
    trials = counted(comparison.trials, "trial")
    yield Heading(task, f"after {trials} of each run{baseline}; [low, high] is the 95 % interval of the mean before it")
    yield _group_grid(comparison)
    if columns := comparison.groups[0].curve[-1].columns:
        yield _column_grid(comparison, columns, runs)
    yield Facts((*_reach_facts(comparison), *_made_by_hand_facts(comparison)))
    if comparison.contrasts:
        yield _contrast_grid(comparison, runs)
        yield Facts(tuple(_rank_test_facts(comparison)))
    if differences := tuple(_difference_facts(comparison)):
        yield Facts(differences)
    yield Facts(tuple(_cost_facts(total_cost([run.cost for run in runs]))))


def sparkline(curve: Sequence[CurvePoint], trials: int, bars: str = BARS, width: int = SPARK_WIDTH) -> str:
    """Return the best score so far against trials as a line of bars, with a blank where there is none yet.

    >>> sparkline([CurvePoint(trials=2, score=0.1), CurvePoint(trials=4, score=0.8)], 4, "_-#")
    ' __#'
    """
    width = min(width, trials)
    values = [_best_after(curve, (column + 1) * trials // width) for column in range(width)]
    low, high = curve[0].score, curve[-1].score
    return "".join(" " if value is None else bars[_level(value, low, high, len(bars))] for value in values)


def total_cost(costs: Sequence[RunCost]) -> RunCost:
    """Return the cost of several runs together."""
    return RunCost(
        compute_seconds=sum(cost.compute_seconds for cost in costs),
        wall_seconds=sum(cost.wall_seconds for cost in costs),
        trained=sum(cost.trained for cost in costs),
        reused=sum(cost.reused for cost in costs),
        failed=sum(cost.failed for cost in costs),
        published=costs[0].published,
    )


def _in_words(run: RunSummary) -> str:
    state = "running" if run.running else "finished" if run.complete else "stopped"
    return f"{run.command}{_on(run.dataset)}, space {run.space}, {run.strategy}, seed {run.seed}: {state}"


def _on(dataset: str | None) -> str:
    return f" on {dataset}" if dataset else ""


def _facts(run: RunSummary, bars: str | None) -> Iterator[tuple[str, str]]:
    statuses = ", ".join(f"{count:,} {status}" for status, count in run.statuses.items())
    yield "trials", f"{run.trials:,} of {run.planned_trials:,}" + (f": {statuses}" if statuses else "")
    if run.to_retrain and run.trials >= run.planned_trials:
        yield "retraining", f"of the {f'{run.to_retrain:,} ' if run.to_retrain > 1 else ''}best, not complete"
    if run.best is None:
        yield "best", "no trial has succeeded yet"
        return
    yield "best", f"score {run.best.score:.4f} in trial {run.best.trial}, reward {run.best.reward:.4f}"
    if run.joined:
        yield "best.json", joined_in_words(run.joined)
    if bars:
        line = sparkline(run.curve, run.trials, bars)
        yield "best so far", f"{run.curve[0].score:.4f} {line} {run.curve[-1].score:.4f}"
    yield "mean by quarter", "  ".join("-" if mean is None else f"{mean:.4f}" for mean in run.quarters)


def _reached(run: RunSummary) -> Iterator[tuple[str, str]]:
    if run.reach:
        took, whole = run.reach.trials, counted(run.trials, "trial")
        yield f"reaches {number(run.reach.target)}", f"not in {whole}" if took is None else f"after {counted(took, 'trial')}"


def _stopped(run: RunSummary) -> Iterator[tuple[str, str]]:
    """Yield at which rung trials ended, and the epochs in all."""
    if run.early_stop:
        *lower, last = run.early_stop.rungs
        stopped = ", ".join(f"{rung.ended:,} after {counted(rung.epochs, 'epoch')}" for rung in lower)
        yield "stopped", f"{stopped}; {last.ended:,} came to the last rung, of {counted(last.epochs, 'epoch')}"
        yield "epochs", f"{run.early_stop.epochs:,} in all; {run.early_stop.epochs_without:,} with none stopped early"


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
        seeds = f", the mean of {counted(len(row.scores_by_seed), 'seed')}" if row.scores_by_seed else ""
        yield (
            f"trial {row.trial}",
            f"{row.search_score:.4f} in the search, {longer} after {counted(retraining.epochs, 'epoch')}{seeds}",
        )
    correlation = retraining.rank_correlation
    yield "rank correlation", "undefined" if correlation is None else f"{correlation:.2f}"


def transfer_facts(transfer: TransferSummary) -> Iterator[tuple[str, str]]:
    """Yield the target of the scaled winner, its costs, and how far its training is."""
    shape = by_times(transfer.image_shape)
    yield (
        "scaled to" if transfer.network else "to be scaled to",
        f"{transfer.target}: {transfer.stack}, images of {shape}, {counted(transfer.classes, 'class/classes')}",
    )
    if transfer.network is not None:
        assert transfer.parameters is not None
        assert transfer.multiply_adds is not None
        yield "network", f"{size(transfer.parameters, transfer.multiply_adds)}, F = {transfer.filters}"
    match transfer.state:
        case "trained":
            top5 = "" if transfer.test_top5_accuracy is None else f", top-5 {transfer.test_top5_accuracy:.4f}"
            yield "trained", f"{counted(transfer.epochs, 'epoch')}: test accuracy {transfer.test_accuracy:.4f}{top5}"
        case "training":
            yield "trained", f"not to the end yet; go on with: {transfer.command}"
        case "written":
            yield "trained", f"nothing: {transfer.problem}"
            yield "train it with", f"{transfer.command}"


def _reach_facts(comparison: Comparison) -> Iterator[tuple[str, str]]:
    for group in comparison.groups:
        repeats, median = counted(len(group.seeds), "repeat"), group.reach.median_trials
        after = "" if median is None else f"; trials it took (median): {median:g}"
        yield f"{group.name} reaches {number(comparison.target)}", f"in {group.reach.reached} of {repeats}{after}"


def _made_by_hand_facts(comparison: Comparison) -> Iterator[tuple[str, str]]:
    for group in comparison.groups:
        if said := group.made_by_hand:
            repeats, gain = counted(said.compared, "repeat"), mean_and_interval(said.gain, signed=True)
            yield f"{group.name} beats {said.name}", f"in {said.beating} of {repeats}; by {gain} on average"


def _difference_facts(comparison: Comparison) -> Iterator[tuple[str, str]]:
    names = top_names(dict.fromkeys(difference.k for difference in comparison.top_differences), comparison.trials)
    for difference in comparison.top_differences:
        if difference.k in names and difference.points:
            name = f"{names[difference.k]}, {difference.group} minus {difference.baseline}"
            yield name, mean_and_interval(difference.points[-1].value, signed=True)


def _top_grid(top: Sequence[RankedTrial]) -> Grid:
    shared = [name for name in top[0].metrics if all(name in trial.metrics for trial in top)][:METRICS_SHOWN]
    rows = (
        (str(rank), str(trial.trial), f"{trial.score:.4f}", *(metric(trial.metrics[name]) for name in shared))
        for rank, trial in enumerate(top, start=1)
    )
    return Grid(("rank", "trial", "score", *(name.replace("_", " ") for name in shared)), tuple(rows))


def _group_grid(comparison: Comparison) -> Grid:
    names = top_names((int(k) for k in comparison.groups[0].top_means), comparison.trials)
    means = [(str(k), name) for k, name in names.items() if k > 1]
    rows = (
        (
            group.name,
            str(len(group.seeds)),
            mean_and_interval(group.curve[-1].score),
            *(number(group.top_means[k][-1].value.mean) for k, _ in means),
        )
        for group in comparison.groups
    )
    return Grid(("search", "repeats", "best [95 %]", *(name for _, name in means)), tuple(rows))


def _column_grid(comparison: Comparison, columns: Iterable[str], runs: Sequence[RunSummary]) -> Grid:
    """Return the mean of every report column, for the incumbents."""
    shown = [name for name in columns if all(name in group.curve[-1].columns for group in comparison.groups)]
    whole = whole_columns(shown, runs)
    rows = (
        (group.name, *(number(group.curve[-1].columns[name], whole=name in whole) for name in shown))
        for group in comparison.groups
    )
    return Grid(("of the best", *shown), tuple(rows))


def _contrast_grid(comparison: Comparison, runs: Sequence[RunSummary]) -> Grid:
    whole = whole_columns({contrast.measure for contrast in comparison.contrasts}, runs) - {"score"}
    rows = (
        (
            contrast.group,
            contrast.measure,
            mean_and_interval(_difference(contrast), whole=contrast.measure in whole, signed=True),
            "-" if contrast.p_value is None or _too_few(comparison, contrast) else f"{contrast.p_value:.2g}",
            f"{contrast.superiority:.0%}",
        )
        for contrast in comparison.contrasts
    )
    titles = ("search", "measure", f"minus {comparison.baseline} [95 %]", "p", "wins")
    return Grid(titles, tuple(rows), words=("measure",))


def _difference(contrast: Contrast) -> Spread:
    return Spread(mean=contrast.difference, std=None, low=contrast.low, high=contrast.high)


def _rank_test_facts(comparison: Comparison) -> Iterator[tuple[str, str]]:
    yield "p, wins", "two-sided rank test over repeats; how often a repeat beats one of the baseline"
    for contrast in {contrast.group: contrast for contrast in comparison.contrasts}.values():
        if _too_few(comparison, contrast):
            repeats = [counted(count, "repeat") for count in _repeats(comparison, contrast)]
            yield (
                f"no p for {contrast.group}",
                f"with {' against '.join(repeats)} none below {SIGNIFICANT} can come out; {ENOUGH_REPEATS} of each are enough",
            )


def _too_few(comparison: Comparison, contrast: Contrast) -> bool:
    """Return whether the rank test of so few repeats could not find any difference."""
    from automl_cli.reporting.statistics import least_p_value  # SciPy takes a second, which the report of one run does not need

    return least_p_value(*_repeats(comparison, contrast)) >= SIGNIFICANT


def _repeats(comparison: Comparison, contrast: Contrast) -> tuple[int, int]:
    """Return the numbers of repeats of the group and of the baseline."""
    repeats = {group.name: len(group.seeds) for group in comparison.groups}
    return repeats[contrast.group], repeats[contrast.baseline]


def _best_after(curve: Sequence[CurvePoint], trials: int) -> float | None:
    return next((point.score for point in reversed(curve) if point.trials <= trials), None)


def _level(value: float, low: float, high: float, levels: int) -> int:
    return levels - 1 if high <= low else min(levels - 1, int((value - low) / (high - low) * levels))

"""Charts about several runs or values: searches against each other with bands of confidence, values of one role, descents."""

from collections.abc import Iterator, Sequence

from automl_cli.core.numbers import counted
from automl_cli.reporting.charts import BandMark, Chart, ChartAxis, Dot, DotsMark, LineMark, Mark, RuleMark
from automl_cli.reporting.figures import top_names
from automl_cli.reporting.scales import Scale, scale_over
from automl_cli.store.comparisons import ComparisonResult
from automl_cli.store.run_groups import Comparison, Point, TopDifference

STARTING = 0.03
"""Of the trials, those at the start, whose low scores may lie beyond the edge."""
INTERVAL = "95 % interval of the mean"


def comparison_charts(comparison: Comparison) -> Iterator[Chart]:
    """Yield best so far with bands, the means of the best k, and the differences to the baseline."""
    yield _best_chart(comparison)
    yield _top_means_chart(comparison)
    for group in dict.fromkeys(difference.group for difference in comparison.top_differences):
        yield _difference_chart(comparison, group)


def _best_chart(comparison: Comparison) -> Chart:
    marks: list[Mark] = []
    for colour, group in enumerate(comparison.groups, start=1):
        points = [Point(trials=point.trials, value=point.score) for point in group.curve]
        marks += _banded(points, f"{group.name}, {counted(len(group.seeds), 'repeat')}", colour)
    words = "; ".join(f"{group.name} ends at {group.curve[-1].score.mean:.4f}" for group in comparison.groups)
    bands = any(isinstance(mark, BandMark) for mark in marks)
    note = f"The line is the mean over repeats, the band the {INTERVAL}." if bands else ""
    return _against_trials("Best so far", words, comparison, "best validation score so far", marks, note)


def _top_means_chart(comparison: Comparison) -> Chart:
    """Return best, top-5 and top-25 mean against trials (NASNet, arXiv 1707.07012, figure 6)."""
    marks: list[Mark] = []
    for colour, group in enumerate(comparison.groups, start=1):
        names = top_names(map(int, group.top_means), comparison.trials)
        for dash, (k, name) in enumerate(names.items()):
            points = [(point.trials, point.value.mean) for point in group.top_means[str(k)]]
            marks.append(LineMark(f"{group.name}, {name}", points, colour, dash))
    words = "means of the best trials so far, of every search"
    return _against_trials("Not the best alone", words, comparison, "mean of the best k so far", marks, "")


def _difference_chart(comparison: Comparison, group: str) -> Chart:
    """Return the mean of the k best so far minus the baseline's (NAS, arXiv 1611.01578, figure 6)."""
    differences = {difference.k: difference for difference in comparison.top_differences if difference.group == group}
    marks: list[Mark] = [RuleMark("no difference", 0.0)]
    for place, (k, name) in enumerate(top_names(differences, comparison.trials).items(), start=1):
        marks += _banded(differences[k].points, name, place)
    baseline = next(iter(differences.values())).baseline
    words = f"difference between {group} and {baseline} after so many trials{_ends(differences[1])}"
    return _against_trials(f"{group} minus {baseline}", words, comparison, "difference of scores", marks, "")


def _ends(difference: TopDifference) -> str:
    return f"; the best ends at {difference.points[-1].value.mean:+.4f}" if difference.points else ""


def _banded(points: Sequence[Point], name: str, colour: int) -> list[Mark]:
    line = LineMark(name, [(point.trials, point.value.mean) for point in points], colour)
    lower = [(point.trials, point.value.low) for point in points if point.value.low is not None]
    upper = [(point.trials, point.value.high) for point in points if point.value.high is not None]
    return [BandMark("", lower, upper, colour), line] if lower and upper else [line]


def _against_trials(title: str, words: str, comparison: Comparison, y: str, marks: Sequence[Mark], note: str) -> Chart:
    """Return a chart over the trials. Its scale holds all lines but for their start, and of the bands what lies near them."""
    start = comparison.trials * STARTING
    lines = [value for mark in marks if isinstance(mark, LineMark) for trial, value in mark.points if trial >= start]
    bands = [value for mark in marks if isinstance(mark, BandMark) for _, value in (*mark.lower, *mark.upper)]
    rules = [mark.y for mark in marks if isinstance(mark, RuleMark)]
    span = max(lines, default=0.0) - min(lines, default=0.0)
    low, high = min(lines, default=0.0) - span / 4, max(lines, default=1.0) + span / 4
    near = [min(high, max(low, value)) for value in bands]
    x = ChartAxis("trials", Scale(low=0.0, high=max(2.0, float(comparison.trials)) * 1.01))
    scale = scale_over([*lines, *near, *rules])
    every = [value for mark in marks if isinstance(mark, LineMark) for _, value in mark.points]
    edge = "The start lies beyond the edge." if any(not scale.low <= value <= scale.high for value in every) else ""
    return Chart(title, words, x, ChartAxis(y, scale), tuple(marks), f"{note} {edge}".strip())


def compared_chart(result: ComparisonResult) -> Chart | None:
    """Return the chart of every training's test score by value, with medians; None where there is no score."""
    rows = [row for row in result.rows if row.test]
    if not rows:
        return None
    dots = [
        Dot(place + 0.12 * (number % 3 - 1), score, f"{row.label}: {score:.4f}")
        for place, row in enumerate(rows)
        for number, score in enumerate(row.test)
    ]
    medians = [
        LineMark("median" if place == 0 else "", [(place - 0.3, row.median), (place + 0.3, row.median)], 2)
        for place, row in enumerate(rows)
        if row.median is not None
    ]
    named = tuple((float(place), row.label) for place, row in enumerate(rows))
    score = result.score.replace("_", " ")
    return Chart(
        f"{score} of every training",
        "; ".join(f"{row.label}: median {row.median:.4f}" for row in rows if row.median is not None),
        ChartAxis("", Scale(low=-0.6, high=len(rows) - 0.4, named=named)),
        ChartAxis(score, scale_over(dot.y for dot in dots)),
        (DotsMark("training", dots), *medians),
    )

"""The examples that a model takes for another class, as tables of 80 columns or in words."""

from collections.abc import Iterator, Sequence

from automl_cli.core.numbers import counted
from automl_cli.reporting.terminal import COLUMNS, GAP, on_one_line
from automl_cli.values.class_scores import ClassScore, ConfusionMatrix, class_scores, confused_pairs
from automl_cli.values.sheet import Grid, Lines, Part

MOST_ROWS = 20
"""Of more classes only those with the lowest recall are shown."""

LONGEST_NAME = 16
"""Longer names of classes are cut at the head of a column."""

MOST_PAIRS = 10
"""Of the pairs of classes that are confused, in words."""


def confusion_parts(names: Sequence[str], matrix: ConfusionMatrix) -> Iterator[Part]:
    """Yield the table of the classes, then the confusion matrix where it fits 80 columns, or else the most confused pairs."""
    names = [on_one_line(name) for name in names]
    yield _classes(names, matrix)
    if _width(names, matrix) <= COLUMNS:
        yield _matrix(names, matrix)
    elif pairs := confused_pairs(names, matrix):
        words = [f"{pair.examples:,} of {pair.of:,} of {pair.name} taken for {pair.taken_for}" for pair in pairs[:MOST_PAIRS]]
        more = len(pairs) - MOST_PAIRS
        yield Lines("\n".join(["most confused", *words, *([f"and {counted(more, 'pair')} more"] if more > 0 else [])]))


def _classes(names: Sequence[str], matrix: ConfusionMatrix) -> Grid:
    scores = class_scores(names, matrix)
    shown = list(scores) if len(scores) <= MOST_ROWS else sorted(scores, key=_recall)[:MOST_ROWS]
    title = "class" if len(shown) == len(scores) else f"class, the {MOST_ROWS} worst of {len(scores):,}"
    rows = [(one.name, f"{one.examples:,}", _share(one.recall), _share(one.precision)) for one in shown]
    return Grid((title, "examples", "recall", "precision"), tuple(rows))


def _matrix(names: Sequence[str], matrix: ConfusionMatrix) -> Grid:
    titles = ("taken for", *(name[:LONGEST_NAME] for name in names))
    return Grid(titles, tuple((name, *(f"{count:,}" for count in row)) for name, row in zip(names, matrix, strict=True)))


def _width(names: Sequence[str], matrix: ConfusionMatrix) -> int:
    columns = zip(*matrix, strict=True)
    widths = [
        max(len(name[:LONGEST_NAME]), *(len(f"{count:,}") for count in column))
        for name, column in zip(names, columns, strict=True)
    ]
    return max(map(len, ("taken for", *names))) + sum(width + GAP for width in widths)


def _recall(score: ClassScore) -> float:
    return 2.0 if score.recall is None else score.recall


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"

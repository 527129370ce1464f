"""Draws plots by matplotlib and without a display, into files. The charts of the page are those of `charts`."""

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from automl_cli.reporting.image_files import check_image_file
from automl_cli.store.comparisons import ComparisonResult, DescentResult
from automl_cli.store.files import replace_file
from automl_cli.values.class_scores import ConfusionMatrix

SIZE_INCHES = (7.2, 3.6)
PIXELS_PER_INCH = 150

MOST_LABELLED = 40
"""Classes that are named, and their examples counted, in the picture of a confusion matrix."""


def write_figure(figure: Callable[[], Figure], path: Path) -> None:
    """Write a figure, which is made once the path is known to be good, as an SVG or PNG file, by the ending of its name.

    Raises UserError as `check_image_file`.
    """
    check_image_file(path)
    with _same_text():
        replace_file(path, file_of(figure(), path.name.lower()))


def compared_plot(result: ComparisonResult) -> Figure:
    """Return a plot of the test score of every training, by value, over the box of its quartiles."""
    figure, axes = _axes("", result.score.replace("_", " "))
    shown = [row for row in result.rows if row.test]
    places = range(1, len(shown) + 1)
    if shown:
        axes.boxplot([row.test for row in shown], positions=list(places), showfliers=False, widths=0.5)
    for place, row in zip(places, shown, strict=True):
        across = [place + 0.1 * ((number % 3) - 1) for number in range(len(row.test))]
        axes.plot(across, row.test, ".", color="C0", alpha=0.7, markeredgewidth=0, markersize=8)
    axes.set_xticks(list(places), [row.label for row in shown], rotation=20 if len(shown) > 4 else 0)
    return figure


def descent_plot(result: DescentResult) -> Figure:
    """Return a plot of the function's value against steps, each rule at its best rate, on logarithmic axes."""
    figure, axes = _axes("step", result.formula)
    for row in result.rows:
        points = [point for point in row.curve if point.steps > 0 and point.value > 0]
        label = f"{row.label}, diverged" if row.learning_rate is None else f"{row.label}, rate {row.learning_rate:g}"
        axes.plot([point.steps for point in points], [point.value for point in points], label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.legend(loc="best", frameon=False, fontsize="small")
    return figure


def confusion_figure(names: Sequence[str], matrix: ConfusionMatrix, title: str) -> Figure:
    """Return the confusion matrix as shares of each class, with the counts written in where there is room for them."""
    import numpy as np

    counts = np.array(matrix, np.float64)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = min(12.0, 2.5 + 0.5 * len(names))
    figure = Figure(figsize=(side + 1.0, side), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize="medium", wrap=True, parse_math=False)
    figure.colorbar(axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0), ax=axes, label="share of the class")
    axes.set_xlabel("taken for")
    axes.set_ylabel("class")
    if len(names) <= MOST_LABELLED:
        places = range(len(names))
        axes.set_xticks(places, names, rotation=90 if max(map(len, names)) > 3 else 0, parse_math=False)
        axes.set_yticks(places, names, parse_math=False)
        for row, column in ((row, column) for row in places for column in places if matrix[row][column]):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{matrix[row][column]:,}", ha="center", va="center", color=colour, fontsize="small")
    return figure


def file_of(figure: Figure, name: str) -> bytes:
    """Return the figure as the file of this name would hold it, SVG or PNG: the same bytes for the same figure."""
    if name.endswith(".svg"):
        return _svg(figure).encode()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=PIXELS_PER_INCH, metadata={"Software": None})
    return data.getvalue()


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, _bare(axes)


def _bare(axes: Axes) -> Axes:
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _same_text() -> AbstractContextManager[None]:
    """Return a context in which the same figure gives the same text."""
    return matplotlib.rc_context({"svg.hashsalt": "automl", "svg.fonttype": "none"})


def _svg(figure: Figure) -> str:
    """Return the figure as an `<svg>` element: the same text for the same figure."""
    text = io.StringIO()
    with _same_text():
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]

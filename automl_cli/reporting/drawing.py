"""Draws curves as text: dots of Braille, eight to a character, or one mark a character where only ASCII can be shown."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import quantiles

from automl_cli.values.sheet import Curves

ROWS = 14
"""Rows of a plot between its title and its axis."""
LABEL = 7
"""Columns of the figures beside a plot."""
GAP = 2
"""Columns between two plots."""
NARROWEST = 30
"""A plot has at least so many columns; plots stand below each other where there is no room beside."""
HUGE = 1e300
BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a character of Braille, by row and column."""

Points = Sequence[tuple[float, float]]


def drawn(curves: Curves, width: int, *, ascii_only: bool = False) -> str:
    """Return the title, and one plot for each series, side by side as far as the width allows; no line is longer."""
    beside = max(1, min(len(curves.series), (width + GAP) // (NARROWEST + GAP)))
    columns = (width + GAP) // beside - GAP
    axis = curves.axis
    plots = [_plot(name, curves.x, values, columns, axis=axis, ascii_only=ascii_only) for name, values in curves.series]
    lines = [curves.title] if curves.title else []
    for first in range(0, len(plots), beside):
        rows = zip(*plots[first : first + beside], strict=True)
        lines += [(" " * GAP).join(line.ljust(columns) for line in row).rstrip() for row in rows]
    return "\n".join(lines)


def is_drawable(value: float) -> bool:
    """Return whether a value is finite, and so small that differences of values are."""
    return abs(value) < HUGE


def window(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of values that a plot shows: all of them, unless a few lie far from the others, as near a pole.

    >>> window([0.0, 1.0, 2.0, 3.0]), window([0.0, 0.0])
    ((0.0, 3.0), (-1.0, 1.0))
    """
    finite = [value for value in values if is_drawable(value)]
    if not finite:
        return -1.0, 1.0
    low, high = min(finite), max(finite)
    if len(finite) > 100:
        cuts = quantiles(finite, n=50)
        span = (cuts[-1] - cuts[0]) or high - low
        low, high = max(low, cuts[0] - span), min(high, cuts[-1] + span)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        margin = max(1.0, abs(high) / 10)
        return low - margin, high + margin
    return low, high


def _plot(name: str, x: Sequence[float], values: Sequence[float], width: int, *, axis: str, ascii_only: bool) -> list[str]:
    """Return the lines of one plot: its name, the curve with the largest and the smallest value beside it, the axis of x."""
    low, high = window(values)
    columns, across, down = width - LABEL - 1, *((1, 1) if ascii_only else (2, 4))
    wide, tall = columns * across, ROWS * down
    to_right, downwards = (wide - 1) / ((x[-1] - x[0]) or 1.0), (tall - 1) / (high - low)
    heights = (value if is_drawable(value) else math.nan for value in values)
    points = [((at - x[0]) * to_right, (high - y) * downwards) for at, y in zip(x, heights, strict=True)]
    cells = _zero_lines(x, low, high, columns, ascii_only=ascii_only)
    for place, bits in _cells(_dots(points, wide, tall), across, down).items():
        cells[place] = "*" if ascii_only else chr(BRAILLE + bits)
    labels = {0: _figure(high), ROWS - 1: _figure(low)}
    if low < 0 < high:
        labels.setdefault(round(high / (high - low) * (ROWS - 1)), "0")
    side, corner, level = "|+-" if ascii_only else "│└─"
    lines = [f"{labels.get(row, ''):>{LABEL}}{side}{_row(cells, row, columns)}" for row in range(ROWS)]
    return [f"{'':{LABEL}} {name}"[:width], *lines, f"{'':{LABEL}}{corner}{level * columns}", _ticks(x, columns, axis)]


def _dots(points: Points, wide: int, tall: int) -> Iterator[tuple[int, int]]:
    """Yield the dots (row, column) of a curve through points in units of dots.

    What lies above or below is cut off, and a point that is not a number is a gap.
    """
    for (x, y), (next_x, next_y) in pairwise([*points, points[-1]]):
        if math.isnan(y):
            continue
        right, down = (0.0, 0.0) if math.isnan(next_y) else (next_x - x, next_y - y)
        steps = max(1, math.ceil(min(2 * tall, max(abs(right), abs(down)))))
        for step in range(steps):
            row, column = round(y + down * step / steps), round(x + right * step / steps)
            if 0 <= row < tall and 0 <= column < wide:
                yield row, column


def _cells(dots: Iterator[tuple[int, int]], across: int, down: int) -> dict[tuple[int, int], int]:
    """Return the bits of every character, by row and column, that has a dot."""
    found: dict[tuple[int, int], int] = {}
    for row, column in dots:
        place = row // down, column // across
        found[place] = found.get(place, 0) | DOTS[row % down][column % across]
    return found


def _zero_lines(x: Sequence[float], low: float, high: float, columns: int, *, ascii_only: bool) -> dict[tuple[int, int], str]:
    """Return the characters of the lines x = 0 and y = 0, as far as they lie inside the plot."""
    upright, level = ":." if ascii_only else "┊┈"
    cells = {}
    if x[0] < 0 < x[-1]:
        column = round(-x[0] / (x[-1] - x[0]) * (columns - 1))
        cells = {(row, column): upright for row in range(ROWS)}
    if low < 0 < high:
        cells |= {(round(high / (high - low) * (ROWS - 1)), column): level for column in range(columns)}
    return cells


def _row(cells: dict[tuple[int, int], str], row: int, columns: int) -> str:
    return "".join(cells.get((row, column), " ") for column in range(columns)).rstrip()


def _ticks(x: Sequence[float], columns: int, axis: str) -> str:
    """Return the line of figures below the axis: both ends, and the middle with the name of the axis."""
    first, last = _figure(x[0]), _figure(x[-1])
    middle = f"{axis} = {_figure((x[0] + x[-1]) / 2)}".center(columns)
    inner = middle[len(first) : columns - len(last)]
    return f"{'':{LABEL + 1}}{first}{inner}{last}"


def _figure(value: float) -> str:
    """Return a number in at most six characters.

    >>> _figure(4.9665), _figure(-0.27846), _figure(-0.0998), _figure(-5.0), _figure(123456.0), _figure(-1.6e-7)
    ('4.97', '-0.278', '-0.1', '-5', '1e+05', '-2e-07')
    """
    texts = [f"{value + 0.0:.{digits}g}" for digits in (3, 2, 1)]
    return next((text for text in texts if len(text) < LABEL), texts[-1])

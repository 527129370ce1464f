"""Draws curves as SVG: all in one panel where their values are of one size, else in one panel each."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from automl_cli.reporting.drawing import is_drawable, window
from automl_cli.reporting.svg import FONT_SIZE, Picture, colour, element, group, path, route, text_width, words
from automl_cli.values.sheet import Curves

WIDTH, PANEL = 420.0, 230.0
"""Pixels: the whole picture, and the height of a panel."""
LEFT, RIGHT, ABOVE, BELOW = 46.0, 10.0, 30.0, 26.0
"""Pixels between a panel's curves and its edges."""
SMALL = 11.0
MOST_UNLIKE = 8.0
"""Curves whose ranges differ by a larger factor have panels of their own."""
COLOURS = ("accent", "accent-2", "accent-3", "muted")
MOST_TICKS = 6

Series = tuple[str, Sequence[float]]


class Panel(NamedTuple):
    """The range of a panel, and where its corners lie in the picture."""

    low: tuple[float, float]
    high: tuple[float, float]
    top: float

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        return WIDTH - LEFT - RIGHT, PANEL - ABOVE - BELOW

    def across(self, x: float) -> float:
        """Return where a value of x lies."""
        return LEFT + (x - self.low[0]) / (self.high[0] - self.low[0]) * self.size[0]

    def down(self, y: float) -> float:
        """Return where a value of the function lies."""
        return self.top + ABOVE + (self.high[1] - y) / (self.high[1] - self.low[1]) * self.size[1]


def drawn_curves(curves: Curves) -> Picture:
    """Return the curves with their axes and names."""
    panels = _panels(curves)
    parts: list[str] = []
    first = 0
    for place, series in enumerate(panels):
        parts += _panel(curves.x, series, first, place * PANEL)
        first += len(series)
    return Picture(WIDTH, PANEL * len(panels), "".join(parts), 0.8 * WIDTH)


def curves_in_words(curves: Curves) -> str:
    """Return the least and the largest value of each curve, and its ends."""
    return "\n".join(_said(curves.x, name, values) for name, values in curves.series)


def _said(x: Sequence[float], name: str, values: Sequence[float]) -> str:
    known = [(value, at) for at, value in zip(x, values, strict=True) if is_drawable(value)]
    over = f"{name} over x from {x[0]:g} to {x[-1]:g}"
    if not known:
        return f"{over}: nowhere finite"
    (low, at_low), (high, at_high) = min(known), max(known)
    gaps = "" if len(known) == len(x) else f"; not finite at {len(x) - len(known)} of {len(x)} points"
    return f"{over}: least {low:.4g} at {at_low:g}, largest {high:.4g} at {at_high:g}{gaps}"


def _panels(curves: Curves) -> list[list[Series]]:
    """Return the curves of each panel."""
    spans = [high - low for low, high in (window(values) for _, values in curves.series)]
    if max(spans) <= MOST_UNLIKE * min(spans):
        return [list(curves.series)]
    return [[series] for series in curves.series]


def _panel(x: Sequence[float], series: Sequence[Series], first: int, top: float) -> Iterator[str]:
    """Yield the elements of a panel whose curves have the colours from `first` on."""
    windows = [window(values) for _, values in series]
    low, high = min(low for low, _ in windows), max(high for _, high in windows)
    margin = 0.04 * (high - low)
    panel = Panel((x[0], low - margin), (x[-1], high + margin), top)
    yield from _axes(panel)
    yield from _names([name for name, _ in series], first, top)
    (width, height), left, above = panel.size, LEFT, top + ABOVE
    lines = (
        path(*_steps(panel, x, values), stroke=colour(COLOURS[number % len(COLOURS)]))
        for number, (_, values) in reversed(list(enumerate(series, start=first)))
    )
    inside = group(lines, fill="none", stroke_width=2, stroke_linejoin="round", stroke_linecap="round")
    box = route("", left, above, width, height)
    yield element("svg", inside, x=left, y=above, width=width, height=height, viewBox=box, overflow="hidden")


def _steps(panel: Panel, x: Sequence[float], values: Sequence[float]) -> Iterator[str | float]:
    """Yield the path of a curve, with gaps where it is not finite; far outside of the panel it is level."""
    span = panel.high[1] - panel.low[1]
    command = "M"
    for at, value in zip(x, values, strict=True):
        if not is_drawable(value):
            command = "M"
            continue
        yield from (command, panel.across(at), panel.down(min(max(value, panel.low[1] - span), panel.high[1] + span)))
        command = "L"


def _axes(panel: Panel) -> Iterator[str]:
    left, right, bottom, above = LEFT, WIDTH - RIGHT, panel.top + PANEL - BELOW, panel.top + ABOVE
    down = [(value, panel.down(value)) for value in _ticks(panel.low[1], panel.high[1])]
    across = [(value, panel.across(value)) for value in _ticks(panel.low[0], panel.high[0])]
    level = (("M", left, y, "H", right) for _, y in down)
    upright = (("M", x, above, "V", bottom) for _, x in across)
    yield path(*(step for steps in (*level, *upright) for step in steps), stroke=colour("line"), stroke_width=0.7, fill="none")
    zero = [("M", left, y, "H", right) for value, y in down if value == 0]
    zero += [("M", x, above, "V", bottom) for value, x in across if value == 0]
    if zero:
        yield path(*(step for steps in zero for step in steps), stroke=colour("muted"), fill="none")
    figures = [words(_figure(value), left - 7, y + 4, anchor="end") for value, y in down]
    figures += [words(_figure(value), x, bottom + 17, anchor="middle") for value, x in across]
    yield group(figures, font_size=SMALL, fill=colour("muted"))


def _names(names: Sequence[str], first: int, top: float) -> Iterator[str]:
    """Yield the names of the curves above the panel, each behind a piece of its line."""
    x, y = LEFT, top + 15
    for number, name in enumerate(names, start=first):
        line = colour(COLOURS[number % len(COLOURS)])
        yield path("M", x, y - 4, "h", 18.0, stroke=line, stroke_width=2, stroke_linecap="round")
        yield words(name, x + 25, y)
        x += 25 + text_width(name, FONT_SIZE) + 20


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers within the range, at most `MOST_TICKS` and one.

    >>> _ticks(-5.2, 5.2), _ticks(-0.4, 1.2)
    ([-4.0, -2.0, 0.0, 2.0, 4.0], [-0.4, 0.0, 0.4, 0.8, 1.2])
    """
    raw = (high - low) / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 4, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{count * step:.12g}") + 0.0 for count in range(first, last + 1)]


def _figure(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")

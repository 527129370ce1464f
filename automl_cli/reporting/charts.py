"""Draws charts for a page: an SVG that is stretched to the width of its place, with axes and legend as text around it.

Marks are strokes, whose width is not stretched, and a dot is a stroke of no length with round ends. So a chart of any width
has round dots and even lines, and its text is as large as that of the page, on a phone as on a desk. Colours are classes `c1`
to `c4`, ways of drawing a line `d0` to `d2`; the style of the page says what they look like.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from automl_cli.reporting.escaping import shown
from automl_cli.reporting.scales import Scale

SIDE = 1000
"""Units of the drawing in either direction."""
COLOURS, DASHES = 4, 3
LETTER, LINE = 0.017, 0.06
"""Width and height of a letter beside a point, as shares of a small chart."""
ROOM = 42
"""Letters that have room below a chart on a phone."""
TICK = 26
"""Length of the ticks that mark numbers at the bottom."""

Points = Sequence[tuple[float, float]]


class ChartAxis(NamedTuple):
    """An axis with its title."""

    title: str
    scale: Scale


class LineMark(NamedTuple):
    """Points joined by lines, or by steps: each value lasts until the next point."""

    name: str
    points: Points
    colour: int = 1
    dash: int = 0
    steps: bool = False


class BandMark(NamedTuple):
    """The area between two lines."""

    name: str
    lower: Points
    upper: Points
    colour: int = 1


class Dot(NamedTuple):
    """A point with words that are shown where it is pointed at, and the place on the page that it leads to."""

    x: float
    y: float
    words: str = ""
    target: str = ""


class DotsMark(NamedTuple):
    """Points on their own; `shape` is a class of the style, such as `faint` or `large`."""

    name: str
    dots: Sequence[Dot]
    colour: int = 1
    shape: str = ""


class RugMark(NamedTuple):
    """Short strokes at the bottom, one for each number; those that coincide are one stroke."""

    name: str
    dots: Sequence[Dot]
    colour: int = 2


class RuleMark(NamedTuple):
    """A level across the chart, with its name beside it."""

    name: str
    y: float


class LabelMark(NamedTuple):
    """A word beside a point."""

    x: float
    y: float
    text: str


Mark = LineMark | BandMark | DotsMark | RugMark | RuleMark | LabelMark


class Chart(NamedTuple):
    """A chart: its title, what is seen in it for those who do not see it, its axes, and what is drawn, the first below all."""

    title: str
    words: str
    x: ChartAxis
    y: ChartAxis
    marks: tuple[Mark, ...]
    note: str = ""
    shape: str = ""


def figure_of(chart: Chart) -> str:
    """Return the chart as an HTML figure."""
    drawn = "".join(_drawn(mark, chart) for mark in chart.marks)
    y_ticks, x_ticks = chart.y.scale.ticks(), _apart(chart.x.scale)
    lines = "".join(f"M0 {_down(at)}H{SIDE}" for at, _ in y_ticks)
    widest = max((words for _, words in y_ticks), key=len, default="")
    note = f"<p>{shown(chart.note)}</p>" if chart.note else ""
    return (
        f'<figure class="chart {chart.shape}"><figcaption><b>{shown(chart.title)}</b>{_legend(chart.marks)}</figcaption>'
        f'<p class="axis">{shown(chart.y.title)}</p><div class="y"><i>{shown(widest)}</i>'
        + "".join(f'<span style="top:{100 - 100 * at:.4g}%">{shown(words)}</span>' for at, words in y_ticks)
        + f'</div><div class="plot"><svg viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none" role="img" '
        f'aria-label="{shown(chart.words)}"><path class="grid" d="{lines}"/>{drawn}</svg>{_labels(chart)}</div>'
        '<div class="x">'
        + "".join(f'<span style="left:{100 * at:.4g}%">{shown(words)}</span>' for at, words in x_ticks)
        + f'</div><p class="axis x-title">{shown(chart.x.title)}</p>{note}</figure>'
    )


def _apart(scale: Scale) -> Sequence[tuple[float, str]]:
    """Return the ticks of an axis whose words have room beside each other on a phone: every n-th, unless they are names."""
    ticks = scale.ticks()
    return ticks if scale.named else ticks[:: 1 + sum(len(words) + 2 for _, words in ticks) // ROOM]


def _drawn(mark: Mark, chart: Chart) -> str:
    x, y = chart.x.scale, chart.y.scale
    match mark:
        case LineMark():
            return f'<path class="line {_look(mark.colour, mark.dash)}" d="{_path(_placed(mark.points, x, y), mark.steps)}"/>'
        case BandMark():
            around = [*_placed(mark.lower, x, y), *reversed(_placed(mark.upper, x, y))]
            return f'<path class="band {_look(mark.colour)}" d="{_path(around)}z"/>'
        case DotsMark():
            dots = "".join(_linked(dot, f"M{_across(x, dot)} {_down(y.place(dot.y))}h0") for dot in mark.dots)
            return f'<g class="dots {_look(mark.colour)} {mark.shape}">{dots}</g>'
        case RugMark():
            return f'<g class="rug {_look(mark.colour)}">{_rug(mark.dots, x)}</g>'
        case RuleMark():
            return f'<path class="rule" d="M0 {_down(y.place(mark.y))}H{SIDE}"/>'
        case LabelMark():
            return ""


def _rug(dots: Sequence[Dot], x: Scale) -> str:
    """Return strokes at the bottom, each with the words of its number, or of the first of those that coincide."""
    alone = {_across(x, dot): dot for dot in reversed(dots)}
    return "".join(_linked(dot, f"M{at} {SIDE}v-{TICK}") for at, dot in sorted(alone.items()))


def _linked(dot: Dot, path: str) -> str:
    """Return a stroke with its words; one that leads somewhere is no stop of the Tab key, since the table it leads to is."""
    if not dot.words:
        return f'<path d="{path}"/>'
    stroke = f'<path d="{path}"><title>{shown(dot.words)}</title></path>'
    return f'<a href="#{shown(dot.target)}" tabindex="-1">{stroke}</a>' if dot.target else stroke


def _labels(chart: Chart) -> str:
    """Return words beside points and levels; those in the right half of the chart stand to the left of their point, and one
    that would lie over another is left out: its point has it as well."""
    written = []
    taken: list[tuple[float, float, float]] = []
    for mark in chart.marks:
        if isinstance(mark, LabelMark):
            across, up = chart.x.scale.place(mark.x), chart.y.scale.place(mark.y)
            wide, left = LETTER * (len(mark.text) + 2), across > 0.55
            start = across - wide if left else across
            if any(abs(up - height) < LINE and start < end and begin < start + wide for begin, end, height in taken):
                continue
            taken.append((start, start + wide, up))
            side = ' class="left"' if left else ""
            place = f"left:{100 * across:.4g}%;top:{100 - 100 * up:.4g}%"
            written.append(f'<span{side} style="{place}">{shown(mark.text)}</span>')
        elif isinstance(mark, RuleMark):
            level = f"top:{100 - 100 * chart.y.scale.place(mark.y):.4g}%"
            written.append(f'<span class="level" style="{level}">{shown(mark.name)}</span>')
    return f'<div class="labels" aria-hidden="true">{"".join(written)}</div>' if written else ""


def _legend(marks: Sequence[Mark]) -> str:
    rows = "".join(f'<li><i class="{look}"></i>{shown(name)}</li>' for name, look in _looks(marks))
    return f'<ul class="legend">{rows}</ul>' if rows else ""


def _looks(marks: Sequence[Mark]) -> Iterator[tuple[str, str]]:
    for mark in marks:
        match mark:
            case LineMark(name=name) if name:
                yield name, f"line {_look(mark.colour, mark.dash)}"
            case BandMark(name=name) if name:
                yield name, f"band {_look(mark.colour)}"
            case DotsMark(name=name) if name and mark.dots:
                yield name, f"dots {_look(mark.colour)} {mark.shape}"
            case RugMark(name=name) if name and mark.dots:
                yield name, f"rug {_look(mark.colour)}"
            case _:
                pass


def _look(colour: int, dash: int = 0) -> str:
    """Return the classes of a mark; colours that are used up begin again, as other dashes."""
    turns, place = divmod(colour - 1, COLOURS)
    return f"c{place + 1} d{(dash + turns) % DASHES}"


def _placed(points: Points, x: Scale, y: Scale) -> list[tuple[int, int]]:
    return [(round(SIDE * x.place(at)), _down(y.place(value))) for at, value in points]


def _across(x: Scale, dot: Dot) -> int:
    return round(SIDE * x.place(dot.x))


def _down(place: float) -> int:
    """Return how far from the top a place of the y-axis is drawn."""
    return round(SIDE * (1 - place))


def _path(points: Sequence[tuple[int, int]], steps: bool = False) -> str:
    """Return a path through the points.

    >>> _path([(0, 5), (4, 5), (9, 2)]), _path([(0, 5), (4, 2)], steps=True)
    ('M0 5L4 5 9 2', 'M0 5H4V2')
    """
    if not points:
        return ""
    (first_x, first_y), *others = points
    if steps:
        return f"M{first_x} {first_y}" + "".join(f"H{x}V{y}" for x, y in others)
    return f"M{first_x} {first_y}" + (f"L{' '.join(f'{x} {y}' for x, y in others)}" if others else "")

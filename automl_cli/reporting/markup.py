"""Lays parts out as HTML: headings, facts, tables, text, curves. Everything that is not ours to write is escaped."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from automl_cli.reporting.charts import Chart, ChartAxis, LineMark, figure_of
from automl_cli.reporting.drawing import is_drawable, window
from automl_cli.reporting.escaping import shown
from automl_cli.reporting.scales import Scale
from automl_cli.values.sheet import Curves, Facts, Grid, Heading, Lines, Part

MOST_CARDS = 100
"""A table of more rows is a table on a phone, too."""


def laid_out(part: Part, *, caption: str = "") -> str:
    """Return the part as HTML; `caption` says what a table is about."""
    match part:
        case Heading(name, rest):
            return f"<h3>{shown(name)} <small>{shown(rest)}</small></h3>"
        case Facts(rows):
            return facts(rows)
        case Lines(text):
            return f'<pre tabindex="0">{shown(text)}</pre>'
        case Curves():
            return curves(part)
        case Grid():
            return table(part, caption=caption)


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Return pairs of a name and its value as a list."""
    return f"<dl>{''.join(f'<div><dt>{shown(name)}</dt><dd>{shown(value)}</dd></div>' for name, value in rows)}</dl>"


def table(grid: Grid, *, caption: str, targets: Sequence[str] = ()) -> str:
    """Return a table, whose rows other places of the page may lead to by these names. It scrolls where it is too wide; on a
    phone each row of a small one with words is a card.

    The first column heads its row.
    """
    words = [title in grid.words for title in grid.titles]
    cards = len(grid.titles) > 3 and any(words) and len(grid.rows) <= MOST_CARDS
    names = [shown(title) if cards else "" for title in grid.titles]
    columns = zip(grid.titles, words, strict=True)
    head = "".join(f'<th scope="col"{_words_class(left)}>{shown(title)}</th>' for title, left in columns)
    marked = zip(grid.rows, targets or [""] * len(grid.rows), strict=True)
    rows = "".join(_row(row, words, names, target) for row, target in marked)
    return (
        f'<div class="scrolls" role="region" tabindex="0" aria-label="{shown(caption)}">'
        f"<table{_said('class', 'cards' * cards)}>"
        f'<caption class="unseen">{shown(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(cells: Sequence[str], words: Sequence[bool], names: Sequence[str], target: str) -> str:
    looks = [f"{_said('data-name', name)}{_words_class(left)}" for name, left in zip(names, words, strict=True)]
    first, *others = cells
    rest = "".join(f"<td{look}>{shown(cell)}</td>" for cell, look in zip(others, looks[1:], strict=True))
    return f'<tr{_said("id", shown(target))}><th scope="row"{looks[0]}>{shown(first)}</th>{rest}</tr>'


def _said(attribute: str, value: str) -> str:
    return f' {attribute}="{value}"' if value else ""


def _words_class(left: bool) -> str:
    return ' class="w"' if left else ""


def folded(summary: str, content: str, *, name: str = "") -> str:
    """Return content that is shown when its summary is chosen, or when a link leads into it."""
    return f"<details{_said('id', shown(name))}><summary>{shown(summary)}</summary>{content}</details>"


def commands(rows: Iterable[tuple[str, str]]) -> str:
    """Return command lines, each under what it does."""
    each = "".join(f"<div><dt>{shown(what)}</dt><dd><code>{shown(line)}</code></dd></div>" for what, line in rows)
    return f'<dl class="commands">{each}</dl>'


def paragraph(text: str, *, kind: str = "") -> str:
    """Return a paragraph."""
    return f"<p{_said('class', shown(kind))}>{shown(text)}</p>"


def curves(part: Curves) -> str:
    """Return one chart for each curve, side by side where there is room."""
    title = f'<p class="title">{shown(part.title)}</p>' if part.title else ""
    charts = "".join(figure_of(_curve(name, part, values, place)) for place, (name, values) in enumerate(part.series, 1))
    return f"{title}<div class='charts'>{charts}</div>"


def _curve(name: str, part: Curves, values: Sequence[float], colour: int) -> Chart:
    x, axis = part.x, "" if part.axis == "x" else part.axis
    low, high = window(values)
    margin = 0.05 * (high - low)
    scale = Scale(low=low - margin, high=high + margin)
    marks = tuple(LineMark("", piece, colour) for piece in _pieces(x, values, scale))
    return Chart(name, name, ChartAxis(axis, Scale(low=x[0], high=x[-1])), ChartAxis("", scale), marks, shape="small")


def _pieces(x: Sequence[float], values: Sequence[float], scale: Scale) -> Iterator[list[tuple[float, float]]]:
    """Yield the pieces of a curve between its gaps."""
    points = [(at, value if is_drawable(value) else math.nan) for at, value in zip(x, values, strict=True)]
    for within, piece in groupby(points, key=lambda point: scale.low <= point[1] <= scale.high):
        if within:
            yield list(piece)

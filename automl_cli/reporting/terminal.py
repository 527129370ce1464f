"""Lays out sheets and reports for a terminal, 80 columns wide unless another width is known."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from automl_cli.core.visible_text import visible
from automl_cli.reporting.drawing import drawn
from automl_cli.values.sheet import Curves, Facts, Grid, Heading, Lines, Part

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

COLUMNS = 80
"""The width of a terminal, and of a pipe, unless another is known."""
GAP = 2
"""Spaces between columns."""
NARROWEST_WORDS = 12
"""Columns of words are folded to so many characters before a table is split."""


def laid_out(part: Part, width: int = COLUMNS) -> "RenderableType":
    """Return the part as Rich prints it on so many columns."""
    match part:
        case Heading(name, rest):
            return Text.assemble((on_one_line(name), "bold"), f"  {on_one_line(rest)}")
        case Facts(rows):
            return _facts(rows)
        case Lines(text):
            return Text(visible(text))
        case Curves():
            return Drawing(part, width)
        case Grid():
            titles, words, *cells = (tuple(map(on_one_line, row)) for row in (part.titles, part.words, *part.rows))
            return _grid(Grid(titles, tuple(cells), words), width)


def on_one_line(text: str) -> str:
    r"""Return a name or a cell as it reads, with escapes for line ends too: none can look like a row of its own.

    >>> print(on_one_line("a.png\nb.png  9"))
    a.png\nb.png  9
    """
    return visible(text, lines=False)


class Drawing:
    """Curves, in the characters that the console can show."""

    def __init__(self, curves: Curves, width: int) -> None:
        self._curves = curves
        self._width = width

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Text]":
        yield Text(drawn(self._curves, self._width, ascii_only=options.ascii_only), no_wrap=True)


def _facts(rows: tuple[tuple[str, str], ...]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in rows:
        table.add_row(Text(on_one_line(name), style="bold"), Text(on_one_line(value), overflow="fold"))
    return table


def _grid(grid: Grid, width: int) -> Group:
    """Return the table, in several one below the other where its numbers would not fit beside each other."""
    return Group(*(_table(grid, columns) for columns in _fitting(grid, width)))


def _fitting(grid: Grid, width: int) -> Iterator[list[int]]:
    """Yield the columns of each table: the first, and as many others as have room. Only words may be folded."""
    first, *others = (_needed(grid, column) for column in range(len(grid.titles)))
    columns, used = [0], first
    for column, needed in enumerate(others, start=1):
        if len(columns) > 1 and used + GAP + needed > width:
            yield columns
            columns, used = [0], first
        columns, used = [*columns, column], used + GAP + needed
    yield columns


def _needed(grid: Grid, column: int) -> int:
    """Return the characters that a column must have."""
    widest = max(len(row[column]) for row in (grid.titles, *grid.rows))
    return min(widest, NARROWEST_WORDS) if _has_words(grid, column) else widest


def _has_words(grid: Grid, column: int) -> bool:
    return column == 0 or grid.titles[column] in grid.words


def _table(grid: Grid, columns: list[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column in columns:
        words = _has_words(grid, column)
        table.add_column(grid.titles[column], justify="left" if words else "right", overflow="fold", no_wrap=not words)
    for row in grid.rows:
        table.add_row(*(Text(row[column]) for column in columns))
    return table

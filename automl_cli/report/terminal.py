"""Sheets and reports for a terminal of 80 columns."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from automl_cli.values.sheet import Facts, Grid, Heading, Lines, Part

if TYPE_CHECKING:
    from rich.console import RenderableType


def laid_out(part: Part) -> "RenderableType":
    """The part as Rich prints it."""
    match part:
        case Heading(name, rest):
            return Text.assemble((name, "bold"), f"  {rest}")
        case Facts(rows):
            return _facts(rows)
        case Lines(text):
            return Text(text)
        case Grid():
            return _grid(part)


def _facts(rows: tuple[tuple[str, str], ...]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    return table


def _grid(grid: Grid) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column, title in enumerate(grid.titles):
        table.add_column(title, justify="left" if column == 0 or title in grid.words else "right", overflow="fold")
    for row in grid.rows:
        table.add_row(*map(Text, row))
    return table

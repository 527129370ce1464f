"""Blocks of a report for a terminal of 80 columns."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from automl_cli.report.blocks import Block, Facts, Grid, Heading

if TYPE_CHECKING:
    from rich.console import RenderableType


def laid_out(block: Block) -> "RenderableType":
    """The block as Rich prints it."""
    match block:
        case Heading(name, rest):
            return Text.assemble((name, "bold"), f"  {rest}")
        case Facts(rows):
            return _facts(rows)
        case Grid(titles, rows):
            return _grid(titles, rows)


def _facts(rows: tuple[tuple[str, str], ...]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def _grid(titles: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column, title in enumerate(titles):
        table.add_column(title, justify="left" if column == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table

"""Writes data on stdout and talk on stderr. Colours are left out without a terminal, with NO_COLOR and with TERM=dumb.

Whatever is printed here comes out as text: names and paths of users may hold brackets, which are no markup, words between
colons, which are no emoji, and characters that a terminal obeys, which stand as escapes (`core.visible_text`).
"""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from automl_cli.core.encodable_text import encodable
from automl_cli.core.visible_text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

GAP = 2
"""Spaces between the columns of a table."""


def data_console() -> "Console":
    """Return the console for tables and text on stdout."""
    return _console(stderr=False)


def talk_console() -> "Console":
    """Return the console for progress, warnings and next steps on stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> "Console":
    from automl_cli.running.plain_console import PlainConsole

    return PlainConsole(stderr=stderr, highlight=False, markup=False, emoji=False)


def table(titles: Iterable[str], rows: Iterable[Iterable[object]], *, right: Iterable[str] = ()) -> "Table":
    """Return a table without lines. The columns titled in `right` hold numbers. No cell can end its row: line ends in it stand
    as escapes."""
    from rich.table import Table
    from rich.text import Text

    numbers = set(right)
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for title in titles:
        made.add_column(visible(title, lines=False), overflow="fold", justify="right" if title in numbers else "left")
    for row in rows:
        made.add_row(*(Text(visible(_cell(cell), lines=False)) for cell in row))
    return made


def _cell(value: object) -> str:
    """Return the text of a cell; whole numbers are grouped by thousands."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def print_unbroken(titles: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[str] = ()) -> None:
    """Print a table whose last column is as wide as it must be, such as one of paths, which can be copied whole.

    A line that is longer than the terminal is wide goes on below, without a line end in it.
    """
    from rich.cells import cell_len
    from rich.text import Text

    numbers = set(right)
    texts = [[for_stdout(visible(_cell(cell), lines=False)) for cell in row] for row in (titles, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*texts, strict=True)]
    console = data_console()
    for number, row in enumerate(texts):
        cells = []
        for title, cell, width in zip(titles, row, widths, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(f"{space}{cell}" if title in numbers else f"{cell}{space}")
        line = (" " * GAP).join(cells).rstrip()
        console.print(Text(line, style="" if number else "bold"), soft_wrap=True)


def write_json(value: Any) -> None:
    """Write one JSON document on stdout, and nothing else."""
    from automl_cli.store.encoding import document

    write_bytes(document(value))


def write_line(text: str) -> None:
    """Write one line of data on stdout, never wrapped, never coloured: as it is on disk, so that a script can take a path from
    it.

    In a terminal nothing of it is obeyed: characters that would not show stand as escapes.
    """
    if sys.stdout.isatty():
        write_words(text)
    else:
        try:
            write_bytes(os.fsencode(f"{text}\n"))
        except UnicodeEncodeError:  # it names no file of this system
            write_words(text)


def write_words(text: str) -> None:
    """Write text for people on stdout, never wrapped: characters that would not show stand as escapes."""
    write_bytes(f"{for_stdout(visible(text))}\n".encode(sys.stdout.encoding or "utf-8"))


def for_stdout(text: str) -> str:
    """Return the text in the characters that stdout has."""
    return encodable(text, sys.stdout.encoding)


def write_bytes(data: bytes) -> None:
    """Write bytes on stdout, behind whatever text was written there before. An OSError names stdout."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as error:
        error.filename = error.filename or "stdout"
        raise

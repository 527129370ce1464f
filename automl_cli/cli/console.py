"""Writes data on stdout and talk on stderr. Colours are left out without a terminal, with NO_COLOR and with TERM=dumb.

Markup is off on both: names and paths of users may hold brackets.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def data_console() -> "Console":
    """Return the console for tables and text on stdout."""
    from rich.console import Console

    return Console(highlight=False, markup=False)


def talk_console() -> "Console":
    """Return the console for progress, warnings and next steps on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False)


def table(titles: Iterable[str], rows: Iterable[Iterable[object]], *, right: Iterable[str] = ()) -> "Table":
    """Return a table without lines. The columns titled in `right` hold numbers."""
    from rich.table import Table
    from rich.text import Text

    numbers = set(right)
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        made.add_column(title, overflow="fold", justify="right" if title in numbers else "left")
    for row in rows:
        made.add_row(*(Text(str(cell)) for cell in row))
    return made


def write_json(value: Any) -> None:
    """Write one JSON document on stdout, and nothing else."""
    from automl_cli.store.encoding import document

    write_bytes(document(value))


def write_line(text: str) -> None:
    """Write one line of data on stdout as it is: never wrapped, never coloured."""
    write_bytes(f"{text}\n".encode())


def write_bytes(data: bytes) -> None:
    """Write bytes on stdout, behind whatever text was written there before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()

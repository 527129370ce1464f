"""stdout is data, stderr is talk. Rich leaves colours out where the stream is no terminal, with NO_COLOR and with TERM=dumb."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def data_console() -> "Console":
    """For tables and text that a person reads on stdout."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def talk_console() -> "Console":
    """For progress, warnings and next steps, on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def write_json(value: Any) -> None:
    """One JSON document on stdout, and nothing else."""
    from automl_cli.store.encoding import document

    write_bytes(document(value))


def write_line(text: str) -> None:
    """One line of data on stdout, as it is: never wrapped, never coloured."""
    write_bytes(f"{text}\n".encode())


def write_bytes(data: bytes) -> None:
    """Bytes on stdout, behind whatever text was written there before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()

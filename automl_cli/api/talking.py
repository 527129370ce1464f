"""Says where the progress of a call goes: to stderr, or into the output of a notebook's cell."""

from pathlib import Path

from automl_cli.running.talk import Talk


def talk_of(*, verbose: bool = False, quiet: bool = False, log_file: Path | None = None, events: bool = False) -> Talk:
    """Return the talk of a call from Python. In a notebook the console writes into the cell."""
    from rich.console import Console

    return Talk(Console(stderr=True, highlight=False, markup=False), verbose, quiet, log_file, events)

"""Says where the progress of a call goes: to stderr, or into the output of a notebook's cell."""

from pathlib import Path

from automl_cli.running.talk import Talk


def talk_of(*, verbose: bool = False, quiet: bool = False, log_file: Path | None = None, events: bool = False) -> Talk:
    """Return the talk of a call from Python. In a notebook the console writes into the cell."""
    from automl_cli.running.plain_console import PlainConsole

    return Talk(PlainConsole(stderr=True, highlight=False, markup=False, emoji=False), verbose, quiet, log_file, events)

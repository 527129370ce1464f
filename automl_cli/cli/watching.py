"""Follows runs in the terminal until they end: `automl report --watch`."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.cli.console import data_console
from automl_cli.core.shell_commands import command_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from automl_cli.reporting.watching import Watched

SECONDS_BETWEEN_LOOKS = 0.5
"""The time between two looks at the journals. A look reads only what was added, so it costs next to nothing."""

SECONDS_BETWEEN_DRAWINGS = 1.0
"""The longest time between two drawings: the times on the display go on even where the journals do not."""


def watch_runs(paths: Sequence[Path], *, quiet: bool, wait: Callable[[float], None] = time.sleep) -> None:
    """Follow what is in these directories until nothing of it runs. It is shown where stdout is a terminal, unless `quiet`.

    An interruption leaves what runs alone; it is raised with the command that goes on watching.
    """
    from automl_cli.reporting.watching import Watched

    watched = Watched(paths)
    console = data_console()
    try:
        if console.is_terminal and not console.is_dumb_terminal and not quiet:
            _show(watched, console, wait)
        while watched.goes_on:
            wait(SECONDS_BETWEEN_LOOKS)
            watched.refresh()
    except KeyboardInterrupt:
        more = command_line("report", *paths, "--watch")
        runs = "; what was watched runs on" if watched.goes_on else ""
        raise KeyboardInterrupt(f"watching was left{runs}. Watch again with: {more}") from None


def _show(watched: "Watched", console: "Console", wait: Callable[[float], None]) -> None:
    """Redraw the display when something is new, and now and then for what depends on the time."""
    from rich.live import Live

    with Live(_panel(watched, console), console=console, auto_refresh=False, transient=True) as live:
        drawn_at = time.monotonic()
        try:
            while watched.goes_on:
                wait(SECONDS_BETWEEN_LOOKS)
                if watched.refresh() or time.monotonic() - drawn_at >= SECONDS_BETWEEN_DRAWINGS:
                    live.update(_panel(watched, console), refresh=True)
                    drawn_at = time.monotonic()
        except KeyboardInterrupt:
            live.transient = False  # the last state stays on the screen
            raise


def _panel(watched: "Watched", console: "Console") -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from automl_cli.reporting.terminal import laid_out

    parts = watched.parts(ascii_only=console.options.ascii_only)
    return Group(*(line for part in parts for line in (laid_out(part, console.width), Text(""))))

"""Opens directories for `--resume-or-start`, by which one command starts a run, goes on with it and finds it finished."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from automl_cli.core.errors import AutomlError, RunInUse, UserError
from automl_cli.running.talk import Talk

Opened = TypeVar("Opened")

SECONDS_BETWEEN_TRIES = 1.0


def check_one_way(out: Path | None, *, resume: bool, overwrite: bool, resume_or_start: bool) -> None:
    """Raise UserError for flags about the directory that do not go together."""
    if not resume_or_start:
        return
    if resume or overwrite:
        raise UserError(
            "--resume-or-start continues what is in --out, and starts it where nothing is; give it without "
            f"{'--resume' if resume else '--overwrite'}"
        )
    if out is None:
        raise UserError("--resume-or-start needs the directory to start in and to continue from: give it with --out")


def open_patiently(open_it: Callable[[], Opened], path: Path, *, is_there: Callable[[], bool], talk: Talk) -> Opened:
    """Open a directory, and wait as long as another process holds it.

    Of two processes that make it at the same time one succeeds; the other finds it there, opens it again, and waits. `is_there`
    tells whether there is anything to continue.
    """
    said = False
    while True:
        before = is_there()
        try:
            return open_it()
        except RunInUse:
            if not said:
                talk.say(f"{path} is in use by another process; this one goes on when that has ended")
                said = True
            time.sleep(SECONDS_BETWEEN_TRIES)
        except AutomlError:
            if before or not is_there():
                raise

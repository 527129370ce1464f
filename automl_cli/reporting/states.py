"""Tells how far a run is: whether a process is at work on it, or how its last session ended."""

from pathlib import Path
from typing import Literal

from automl_cli.store.file_names import SUB_STUDY
from automl_cli.store.reports import RunState
from automl_cli.store.run_directory import is_held

Ending = Literal["finished", "interrupted", "time-budget", "failed"]
"""The end of a session as journals have it."""

ENDINGS: dict[Ending, RunState] = {
    "finished": "finished",
    "interrupted": "interrupted",
    "time-budget": "out of time",
    "failed": "failed",
}


ORDER: tuple[RunState, ...] = (
    "running",
    "waiting",
    "killed",
    "failed",
    "interrupted",
    "out of time",
    "not started",
    "finished",
)
"""The states in the order in which one of several repeats speaks for all: what goes on, what needs help, what is done."""


def state_of(path: Path, *, began: bool, ended: Ending | None) -> RunState:
    """Return the state of the run in this directory, of whose last session the journal says so much.

    A repeat that did not finish waits while the search that it is one of runs.
    """
    if is_held(path):
        return "running"
    if ended != "finished" and path.name.startswith(SUB_STUDY) and is_held(path.parent):
        return "waiting"
    if not began:
        return "not started"
    return "killed" if ended is None else ENDINGS[ended]

"""Follows directories of runs, of whatever kind, as their journals grow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from automl_cli.core.errors import ArtifactError
from automl_cli.reporting.followed_searches import FollowedComparison, FollowedSearch
from automl_cli.reporting.followed_trainings import FollowedTraining
from automl_cli.reporting.runs import no_run
from automl_cli.store.file_names import COMPARISON_FILE, TRAINING_FILE, TRANSFER
from automl_cli.store.reports import RunState
from automl_cli.store.run_layout import runs_in
from automl_cli.values.sheet import Curves


class CourseFigures(Protocol):
    """The part of a course that is the same for all runs: its sessions, and what was done before the last of them."""

    sessions: int
    began_with: int
    began_at: float
    session_seconds: float


class Followed(Protocol):
    """One run that is followed.

    `done` of `planned` are counted in the `unit`; `best` and `last` are scores. `words` say what the run does.
    """

    path: Path
    name: str
    state: RunState
    course: Any
    """A `CourseFigures`."""

    @property
    def unit(self) -> str:
        """The noun for what is counted, such as trials."""
        ...

    @property
    def words(self) -> str:
        """The work of the run, in words."""
        ...

    @property
    def done(self) -> int:
        """The number that is done."""
        ...

    @property
    def planned(self) -> int:
        """The number that there will be."""
        ...

    @property
    def best(self) -> float | None:
        """The best score, as the kind of run counts it."""
        ...

    @property
    def last(self) -> float | None:
        """The last score."""
        ...

    def refresh(self) -> bool:
        """Take in what was added, and return whether anything is new, the state included."""
        ...

    def facts(self, bars: str) -> Iterator[tuple[str, str]]:
        """Yield what a display says beside how much is done. `bars` are characters of a line, from low to high."""
        ...

    def curves(self) -> Curves | None:
        """Return the curves of a display, if there are any."""
        ...


ACTIVE: Sequence[RunState] = ("running", "waiting")
"""The states of a run to which something will be added."""

ALONE: Mapping[str, Callable[[Path], Followed]] = {TRAINING_FILE: FollowedTraining, COMPARISON_FILE: FollowedComparison}
"""The file by which a directory is known, and what follows it, beside searches."""


def followed_in(path: Path) -> Iterator[Followed]:
    """Yield what can be followed in this directory: a search, its repeats, the training of its scaled winner, a training or a
    comparison. Nothing is read of their journals yet.

    Raises ArtifactError where it is neither, or where its settings are not sound.
    """
    searches = runs_in(path)
    for search in searches:
        yield FollowedSearch(search)
        yield from scaled_of(search)
    if not searches:
        yield _alone(path)


def scaled_of(search: Path) -> Iterator[Followed]:
    """Yield the training of the scaled winner of a search, where it has begun."""
    if (search / TRANSFER / TRAINING_FILE).is_file():
        yield FollowedTraining(search / TRANSFER)


def _alone(path: Path) -> Followed:
    for name, follow in ALONE.items():
        if (path / name).is_file():
            return follow(path)
    raise ArtifactError(no_run(path))

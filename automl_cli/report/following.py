"""Follows directories of runs: their figures so far, at first from the whole journal and then from what is added to it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from automl_cli.core.errors import ArtifactError
from automl_cli.jobs.compare import final_tasks, sweep_tasks
from automl_cli.kinds.comparison import ComparisonSettings
from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.training import TrainingSettings
from automl_cli.report.runs import run_name
from automl_cli.report.search_course import SearchCourse
from automl_cli.report.states import state_of
from automl_cli.report.trainings import training_name, training_state
from automl_cli.store.artifact import read_artifact
from automl_cli.store.file_names import (
    COMPARISON_FILE,
    JOURNAL_FILE,
    MODEL_FILE,
    STUDY_FILE,
    TRAINING_FILE,
    TRANSFER,
)
from automl_cli.store.journal import Record
from automl_cli.store.journal_tail import JournalTail
from automl_cli.store.reports import RunState
from automl_cli.store.run_directory import recorded_settings, runs_in
from automl_cli.store.training_journal import TrainingCourse, TrainingRecord


class Followed(Protocol):
    """One run that is followed. `refresh` takes in what was added and returns whether anything is new, the state included."""

    path: Path
    state: RunState

    def refresh(self) -> bool:
        """Take in what was added."""
        ...


class FollowedSearch:
    """A search that is followed: its settings, and its figures so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = run_name(path)
        self.state: RunState = "not started"
        self._open()

    def refresh(self) -> bool:
        """Take in what was added to the journal."""
        if self._tail.is_replaced():
            self._open()
        before, state = self._taken, self.state
        for _, record in self._tail.added():
            self.course.take(record)
            self._taken += 1
        self.state = state_of(self.path, began=self.course.sessions > 0, ended=self.course.ended)
        return (self._taken, self.state) != (before, state)

    def _open(self) -> None:
        self.settings = recorded_settings(self.path)
        self.course = SearchCourse(self.settings.reward)
        self._tail = JournalTail(self.path / JOURNAL_FILE, Record)
        self._taken = 0


class FollowedTraining:
    """A training that is followed: its settings, its course so far, and its model once there is one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = training_name(path)
        self.state: RunState = "not started"
        self._open()

    def refresh(self) -> bool:
        """Take in what was added to the journal, and the model."""
        if self._tail.is_replaced():
            self._open()
        before, state = self._taken, self.state
        for place, record in self._tail.added():
            self.course.take(record, place)
            self._taken += 1
        if self.model is None and (self.path / MODEL_FILE).is_file():
            self.model = read_artifact(self.path / MODEL_FILE, ModelBody).body
        self.state = training_state(self.path, self.course, ended=self.model is not None)
        return (self._taken, self.state) != (before, state)

    def _open(self) -> None:
        artifact = read_artifact(self.path / TRAINING_FILE, TrainingSettings)
        self.settings, self.inputs = artifact.body, artifact.inputs
        self.course = TrainingCourse()
        self.model: ModelBody | None = None
        self._tail = JournalTail(self.path / JOURNAL_FILE, TrainingRecord)
        self._taken = 0


class FollowedComparison:
    """A comparison of values of one role that is followed: its settings, and its figures so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = run_name(path)
        self.state: RunState = "not started"
        self.settings = read_artifact(path / COMPARISON_FILE, ComparisonSettings).body
        rates = {value: 0 for value in range(len(self.settings.values))}
        self.planned = len(sweep_tasks(self.settings)) + len(final_tasks(self.settings, rates))
        self.course = SearchCourse(None)
        self._tail = JournalTail(path / JOURNAL_FILE, Record)

    @property
    def done(self) -> int:
        """Return the number of trainings that have ended."""
        return self.course.told + self.course.retrained

    def refresh(self) -> bool:
        """Take in what was added to the journal."""
        before, state = self.done, self.state
        for _, record in self._tail.added():
            self.course.take(record)
        self.state = state_of(self.path, began=self.course.sessions > 0, ended=self.course.ended)
        return (self.done, self.state) != (before, state)


ACTIVE: Sequence[RunState] = ("running", "waiting")
"""The states of a run to which something will be added."""

FILES: dict[str, Any] = {STUDY_FILE: FollowedSearch, TRAINING_FILE: FollowedTraining, COMPARISON_FILE: FollowedComparison}
"""The file by which a directory is known, and what follows it."""


def followed_in(path: Path) -> Iterator[Followed]:
    """Yield what can be followed in this directory: a search, its repeats, the training of its scaled winner, a training or a
    comparison. Nothing is read of their journals yet.

    Raises ArtifactError where it is neither, or where its settings are not sound.
    """
    searches = runs_in(path)
    for search in searches:
        yield FollowedSearch(search)
        if (search / TRANSFER / TRAINING_FILE).is_file():
            yield FollowedTraining(search / TRANSFER)
    if not searches:
        yield _alone(path)


def _alone(path: Path) -> Followed:
    for name, follow in FILES.items():
        if (path / name).is_file():
            made: Followed = follow(path)
            return made
    raise ArtifactError(f"{path} is no run directory: it holds no {STUDY_FILE}")

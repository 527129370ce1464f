"""Searches and comparisons that are followed: at first their whole journal is read, then what is added to it."""

from collections.abc import Iterator
from pathlib import Path

from automl_cli.core.numbers import counted
from automl_cli.jobs.compare import final_tasks, sweep_tasks
from automl_cli.kinds.comparison import ComparisonSettings
from automl_cli.reporting.figures import number
from automl_cli.reporting.runs import run_name
from automl_cli.reporting.search_course import SearchCourse, shown_endings
from automl_cli.reporting.sections import sparkline
from automl_cli.reporting.states import state_of
from automl_cli.store.artifact import read_artifact
from automl_cli.store.file_names import COMPARISON_FILE, JOURNAL_FILE
from automl_cli.store.journal import Record
from automl_cli.store.journal_tail import JournalTail
from automl_cli.store.reports import RunState
from automl_cli.store.run_directory import recorded_settings
from automl_cli.values.sheet import Curves

REASONS_SHOWN = 3


class FollowedSearch:
    """A search that is followed: its settings, and its figures so far."""

    unit = "trials"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = run_name(path)
        self.state: RunState = "not started"
        self._open()

    @property
    def words(self) -> str:
        """Return what is searched, on what and how."""
        settings = self.settings
        on = f" on {settings.source}" if settings.source else ""
        return f"{settings.command}{on}, space {settings.space.name}, {settings.strategy}, seed {settings.seed}"

    @property
    def done(self) -> int:
        """Return the number of trials that have ended, the trainings after the search included. Those over a limit do not
        count."""
        return self.course.done

    @property
    def planned(self) -> int:
        """Return how many there will be, as far as it is known."""
        return self.settings.trials + self._trainings_after

    @property
    def best(self) -> float | None:
        """Return the score of the trial with the highest reward."""
        return self.course.best_score

    @property
    def last(self) -> float | None:
        """Return the score of the trial that ended last."""
        return self.course.recent[-1] if self.course.recent else None

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

    def facts(self, bars: str) -> Iterator[tuple[str, str]]:
        """Yield the best and the last scores, and why trials have none."""
        course = self.course
        if course.best_score is None:
            yield "best", "no trial has succeeded yet"
        else:
            yield "best", f"{number(course.best_score)} in trial {course.best_trial}"
            line = sparkline(course.curve, course.told, bars)
            yield "best so far", f"{number(course.curve[0].score)} {line} {number(course.curve[-1].score)}"
            yield f"last {len(course.recent)}", f"mean {number(sum(course.recent) / len(course.recent))}"
        if course.retrained:
            yield "retraining", f"{course.retrained} of {counted(self._trainings_after, 'training')}"
        if course.open and self.state == "running":
            yield "in flight", f"{course.open:,}"
        if endings := shown_endings(course.endings):
            yield "no score", endings
        for reason in list(course.reasons())[:REASONS_SHOWN]:
            message = reason.message.partition("\n")[0] or "no message"
            yield f"{reason.trials:,} {reason.status}", f"{message} (first in trial {reason.first})"

    def curves(self) -> Curves | None:
        """Return nothing: the course of a search is a line of its facts."""
        return None

    @property
    def _trainings_after(self) -> int:
        """The number of trainings after the search: more than the settings say where it went on after its end and has others
        that are the best."""
        return max(self.settings.trainings_after, self.course.retrained)

    def _open(self) -> None:
        self.settings = recorded_settings(self.path)
        self.course = SearchCourse(self.settings.reward)
        self._tail = JournalTail(self.path / JOURNAL_FILE, Record)
        self._taken = 0


class FollowedComparison:
    """A comparison of values of one role that is followed: its settings, and its figures so far."""

    unit = "trainings"
    best: float | None = None
    last: float | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = run_name(path)
        self.state: RunState = "not started"
        self._open()

    @property
    def words(self) -> str:
        """Return what is compared, and on what."""
        labels = ", ".join(value.label for value in self.settings.values)
        return f"compare {self.settings.role} {labels} on {self.settings.child.problem.source}"

    @property
    def done(self) -> int:
        """Return the number of trainings that have ended."""
        return self.course.told + self.course.retrained

    def refresh(self) -> bool:
        """Take in what was added to the journal."""
        if self._tail.is_replaced():
            self._open()
        before, state = self.done, self.state
        for _, record in self._tail.added():
            self.course.take(record)
        self.state = state_of(self.path, began=self.course.sessions > 0, ended=self.course.ended)
        return (self.done, self.state) != (before, state)

    def facts(self, bars: str) -> Iterator[tuple[str, str]]:
        """Yield how trainings ended that have no score."""
        if endings := shown_endings(self.course.endings):
            yield "no score", endings

    def curves(self) -> Curves | None:
        """Return nothing: a comparison has a table at its end."""
        return None

    def _open(self) -> None:
        self.settings = read_artifact(self.path / COMPARISON_FILE, ComparisonSettings).body
        rates = dict.fromkeys(range(len(self.settings.values)), 0)
        self.planned = len(sweep_tasks(self.settings)) + len(final_tasks(self.settings, rates))
        self.course = SearchCourse(None)
        self._tail = JournalTail(self.path / JOURNAL_FILE, Record)

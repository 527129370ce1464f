"""Trainings that are followed: their course so far, at first from the whole journal, then from what is added."""

from collections.abc import Iterator
from pathlib import Path

from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.training import TrainingSettings, trained_in_words
from automl_cli.reporting.figures import number
from automl_cli.reporting.training_sections import training_curves
from automl_cli.reporting.trainings import TrainingHistory, metric_of, summarise_training, training_name, training_state
from automl_cli.store.artifact import read_artifact
from automl_cli.store.file_names import JOURNAL_FILE, MODEL_FILE, TRAINING_FILE
from automl_cli.store.journal_tail import JournalTail
from automl_cli.store.reports import RunState
from automl_cli.store.training_journal import TrainingCourse, TrainingRecord
from automl_cli.values.sheet import Curves


class FollowedTraining:
    """A training that is followed: its settings, its course so far, and its model once there is one."""

    unit = "epochs"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = training_name(path)
        self.state: RunState = "not started"
        self.model: ModelBody | None = None
        self._open()

    @property
    def words(self) -> str:
        """Return what is trained, and on what."""
        return f"training of {trained_in_words(self.settings)}, seed {self.settings.seed}"

    @property
    def done(self) -> int:
        """Return the number of epochs on record; of a model without a journal, those it was trained for."""
        lost = self.course.sessions == 0 and self.model is not None
        return self.settings.epochs if lost else len(self.course.losses)

    @property
    def planned(self) -> int:
        """Return the number of epochs."""
        return self.settings.epochs

    @property
    def best(self) -> float | None:
        """Return the last score: no epoch is chosen for its score, so the last one is what counts."""
        return self.last

    @property
    def last(self) -> float | None:
        """Return the score after the last epoch."""
        if self.course.scores:
            return self.course.scores[-1]
        return None if self.model is None else self.model.scores.get("validation_score")

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

    def facts(self, bars: str) -> Iterator[tuple[str, str]]:
        """Yield score and loss of the last epoch."""
        if self.course.losses:
            yield metric_of(self.settings), f"{number(self.course.scores[-1])} after epoch {len(self.course.scores)}"
            yield "loss", f"{self.course.losses[-1]:.4f}"

    def curves(self) -> Curves | None:
        """Return loss and score of every epoch, once there are two."""
        if len(self.course.losses) < 2:
            return None
        history = TrainingHistory(
            path=self.path, settings=self.settings, course=self.course, model=self.model, state=self.state
        )
        return training_curves(summarise_training(history))

    def _open(self) -> None:
        artifact = read_artifact(self.path / TRAINING_FILE, TrainingSettings)
        self.settings, self.inputs = artifact.body, artifact.inputs
        self.course = TrainingCourse()
        self.model = None
        self._tail = JournalTail(self.path / JOURNAL_FILE, TrainingRecord)
        self._taken = 0

"""Reads directories of trainings as histories, also of one that runs, and summarises one in figures. It takes no lock."""

from dataclasses import dataclass
from pathlib import Path

from automl_cli.core.errors import ArtifactError
from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.training import TrainingSettings, trained_in_words
from automl_cli.plugins.roles import costs_of, typed_facts, words_of
from automl_cli.reporting.states import state_of
from automl_cli.store.artifact import read_artifact
from automl_cli.store.file_names import JOURNAL_FILE, MODEL_FILE, TRAINING_FILE, TRANSFER
from automl_cli.store.reports import EpochPoint, RunState, TrainingSummary
from automl_cli.store.training_journal import TrainingCourse, read_course
from automl_cli.training.directory import resume_training_command


@dataclass(frozen=True, kw_only=True)
class TrainingHistory:
    """One training so far. `model` is there once it has ended."""

    path: Path
    settings: TrainingSettings
    course: TrainingCourse
    model: ModelBody | None
    state: RunState

    @property
    def name(self) -> str:
        """The name of the training's directory; of a scaled winner, behind the name of the search."""
        return training_name(self.path)


def training_name(path: Path) -> str:
    """Return the name of the directory of a training; of the one inside a search, behind the name of the search."""
    resolved = path.resolve()
    return f"{resolved.parent.name}/{resolved.name}" if resolved.name == TRANSFER else resolved.name


def is_training(path: Path) -> bool:
    """Return whether this is the directory of a training."""
    return (path / TRAINING_FILE).is_file()


def read_training(path: Path) -> TrainingHistory:
    """Return the history of the training in this directory. ArtifactError, with the place, where a file is not sound."""
    if not is_training(path):
        raise ArtifactError(f"{path} is no training: it holds no {TRAINING_FILE}")
    settings = read_artifact(path / TRAINING_FILE, TrainingSettings).body
    course = read_course(path / JOURNAL_FILE)
    model = read_artifact(path / MODEL_FILE, ModelBody).body if (path / MODEL_FILE).is_file() else None
    return TrainingHistory(
        path=path, settings=settings, course=course, model=model, state=training_state(path, course, ended=model is not None)
    )


def training_state(path: Path, course: TrainingCourse, *, ended: bool) -> RunState:
    """Return the state of a training with this course; `ended` says whether its model is written."""
    return "finished" if ended else state_of(path, began=course.sessions > 0, ended=course.ended)


def summarise_training(history: TrainingHistory) -> TrainingSummary:
    """Return the summary of a training: what is trained and how, its course, its scores, and its cost."""
    training, course, child = history.settings, history.course, history.settings.child
    costs = costs_of(child.roles, typed_facts(child.problem))
    figures = zip(course.losses, course.scores, strict=True)
    return TrainingSummary(
        name=history.name,
        state=history.state,
        trained=trained_in_words(training),
        dataset=child.problem.source,
        metric=metric_of(training),
        seed=training.seed,
        epochs=len(course.losses) if course.sessions or history.model is None else training.epochs,
        planned_epochs=training.epochs,
        steps_per_epoch=training.steps_per_epoch,
        with_validation=training.with_validation,
        roles={role: words_of(filling) or filling.kind for role, filling in child.roles.items() if role != "network"},
        recipe=child.recipe,
        curve=tuple(EpochPoint(epoch=epoch, loss=loss, score=score) for epoch, (loss, score) in enumerate(figures, start=1)),
        scores={} if history.model is None else dict(history.model.scores),
        parameters=None if costs is None else costs.parameters,
        multiply_adds=None if costs is None else costs.multiply_adds,
        wall_seconds=course.seconds,
        sessions=course.sessions,
        resume=None if history.state in ("running", "finished") else resume_training_command(history.path),
    )


def metric_of(training: TrainingSettings) -> str:
    """Return the name of the metric by which the validation examples are scored."""
    return str(training.child.problem.dataset.get("metric") or "score")

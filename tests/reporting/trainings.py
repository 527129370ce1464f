"""Directories of trainings with known contents, for the tests of reports. Nothing is trained."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.training import TrainingSettings
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.journal import Ended, Journal
from automl_cli.store.run_directory import create_run
from automl_cli.store.run_layout import TRAINING
from automl_cli.store.training_journal import EpochTrained, SessionBegan
from automl_cli.training.plan import costs_of_child
from tests.store import samples


def write_training(
    path: Path,
    scores: Iterable[float],
    *,
    ended: Literal["finished", "interrupted", "failed"] | None = "finished",
    epochs: int | None = None,
    network: str = "0" * 64,
    test: float = 0.8,
    at: float = 0.0,
    **changes: object,
) -> Path:
    """A training with these scores, an epoch a second, of the sample network on digits; a finished one has a model."""
    listed = list(scores)
    settings = settings_of_training(epochs=epochs or max(1, len(listed)), **changes)
    with create_run(path, artifact_of(settings, {"network": network}), layout=TRAINING) as run:
        journal = Journal(run.journal_file)
        journal.append(SessionBegan(at=at, epochs=0))
        for epoch, score in enumerate(listed, start=1):
            journal.append(EpochTrained(epoch=epoch, loss=1 / epoch, score=score, elapsed=float(epoch)))
        if ended is not None:
            journal.append(Ended(reason=ended, elapsed=len(listed) + 0.5))
        journal.close()
        if ended == "finished":
            write_artifact(path / "model.json", artifact_of(model_of(settings, test, listed[-1])))
    return path


def settings_of_training(**changes: object) -> TrainingSettings:
    """The sample of settings, with changes."""
    return msgspec.structs.replace(samples.training(), **changes)


def model_of(settings: TrainingSettings, test: float, validation: float) -> ModelBody:
    """What came of a training; its weights are nowhere."""
    scores = {"test_accuracy": test, "test_balanced_accuracy": test - 0.1}
    if not settings.with_validation:
        scores["validation_score"] = validation
    costs = costs_of_child(settings.child)
    sizes = {"parameters": costs.parameters, "multiply_adds": costs.multiply_adds}
    return msgspec.structs.replace(
        samples.model(),
        **sizes,
        child=settings.child.portable,
        epochs=settings.epochs,
        seed=settings.seed,
        engine=settings.engine,
        scores=scores,
    )

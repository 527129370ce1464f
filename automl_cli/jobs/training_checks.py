"""Checks the directory of a training against itself: journal and checkpoint against settings, the model against all of it."""

from pathlib import Path

from automl_cli.core.errors import ArtifactError
from automl_cli.core.numbers import counted
from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.training import TrainingSettings
from automl_cli.store.artifact import read_artifact
from automl_cli.store.consistency import must_equal
from automl_cli.store.file_names import JOURNAL_FILE, MODEL_FILE, TRAINING_FILE
from automl_cli.store.training_journal import TrainingCourse, read_course
from automl_cli.store.weights import read_arrays
from automl_cli.training.checkpoint import Checkpoint
from automl_cli.training.contents import WEIGHTS


def check_course(journal: Path) -> TrainingCourse:
    """Check the journal of a training against the settings beside it, and return its course."""
    course, settings = read_course(journal), _settings_beside(journal)
    if len(course.losses) > settings.epochs:
        said = counted(settings.epochs, "epoch")
        found = counted(len(course.losses), "epoch")
        raise ArtifactError(f"{journal}: has {found} on record, and {TRAINING_FILE} has only {said}")
    return course


def check_checkpoint(file: Path) -> str:
    """Check that a checkpoint is that of the settings beside it and agrees with the journal. Return what it holds."""
    settings = _settings_beside(file)
    losses, scores = Checkpoint(file, file.with_name(TRAINING_FILE)).figures()
    if not len(losses) == len(scores) <= settings.epochs:
        raise ArtifactError(
            f"{file}: holds {counted(len(losses), 'loss/losses')} and {counted(len(scores), 'score')}, and {TRAINING_FILE} has "
            f"{counted(settings.epochs, 'epoch')}"
        )
    course = read_course(file.with_name(JOURNAL_FILE))
    for name, held, recorded in (("losses", losses, course.losses), ("scores", scores, course.scores)):
        common = min(len(held), len(recorded))
        must_equal(f"{file}: {name}", list(held[:common]), recorded[:common], JOURNAL_FILE)
    return f"checkpoint after {counted(len(scores), 'epoch')}"


def check_contents(file: Path) -> str:
    """Check that the digests of examples are those of the model beside them. Return what they are."""
    arrays = read_arrays(file)
    if not {"trained", "tested", WEIGHTS} <= set(arrays):
        raise ArtifactError(f"{file}: holds no digests of the examples of a training")
    if (model := file.with_name(MODEL_FILE)).is_file():
        weights = read_artifact(model, ModelBody).body.weights_digest
        must_equal(f"{file}: the digest of the weights", arrays[WEIGHTS].tobytes().hex(), weights, MODEL_FILE)
    return f"digests of {counted(len(arrays['trained']), 'example')} trained on and {len(arrays['tested']):,} tested"


def check_model(file: Path, model: ModelBody) -> None:
    """Check that the model of a training is what the settings beside it ask for, and has the last score of its journal.

    A model that was taken elsewhere has neither beside it.
    """
    if not (file.name == MODEL_FILE and file.with_name(TRAINING_FILE).is_file()):
        return
    settings = _settings_beside(file)
    must_equal(f"{file}: body.child", model.child, settings.child.portable, TRAINING_FILE)
    for field in ("epochs", "seed", "engine"):
        must_equal(f"{file}: body.{field}", getattr(model, field), getattr(settings, field), TRAINING_FILE)
    if not (course := read_course(file.with_name(JOURNAL_FILE))).sessions:
        return
    must_equal(f"{file}: body.epochs", model.epochs, len(course.losses), JOURNAL_FILE)
    if not settings.with_validation:
        must_equal(f"{file}: body.scores", model.scores.get("validation_score"), course.scores[-1], JOURNAL_FILE)


def _settings_beside(file: Path) -> TrainingSettings:
    path = file.with_name(TRAINING_FILE)
    if not path.is_file():
        raise ArtifactError(f"{file}: there is no {TRAINING_FILE} beside it, which says what training it is of")
    return read_artifact(path, TrainingSettings).body

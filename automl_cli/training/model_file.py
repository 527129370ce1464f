"""Find the file of a trained model by the name that a user gives, or say how to get one."""

from pathlib import Path

from automl_cli.core.errors import ArtifactError
from automl_cli.core.shell_commands import command_line
from automl_cli.references import names, open_any
from automl_cli.store.file_names import BEST_FILE, MODEL_FILE, TRANSFER
from automl_cli.store.run_layout import SEARCH, TRAINING
from automl_cli.training.directory import resume_training_command
from automl_cli.training.trainable import train_command


def model_file(named: Path) -> Path:
    """Return the file itself, or `model.json` of the directory. Raises ArtifactError with the next step where there is none."""
    if named.is_dir():
        if (named / MODEL_FILE).is_file():
            return named / MODEL_FILE
        raise ArtifactError(f"{named} holds no {MODEL_FILE}; {_next_step(named)}")
    if not named.exists():
        if str(named) in names():
            raise ArtifactError(f"{named} is a reference and no trained model; {_train(str(named))}")
        raise ArtifactError(f"{named}: no such file; {WANTED}")
    return named


WANTED = f"give the directory of a training by `automl train`, or its {MODEL_FILE}"


def _next_step(directory: Path) -> str:
    best = directory / BEST_FILE
    if (directory / TRANSFER / MODEL_FILE).is_file():
        return f"it is a search, and the trained winner is in {directory / TRANSFER}: give that"
    if best.is_file():
        return f"it is a search; {_train(str(best))}"
    if (directory / SEARCH.settings).is_file():
        return f"it is a search that has found nothing yet: {command_line('report', directory)}"
    if (directory / TRAINING.settings).is_file():
        return f"its training has not ended; go on with: {resume_training_command(directory)}"
    return WANTED


def _train(found: str) -> str:
    """Return the next step that makes a model of what was found or published."""
    command = train_command(open_any(found).artifact.body, found)
    if command is None:
        return f"what it holds cannot be trained; {WANTED}"
    return f"train what it holds first, and give the directory of that: {command}"

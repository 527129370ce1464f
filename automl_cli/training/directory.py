"""The directory of a training: a new one with its settings, or that of an interrupted one."""

from pathlib import Path

import msgspec

from automl_cli.core.errors import UserError
from automl_cli.core.shell_commands import command_line
from automl_cli.kinds.training import TrainingSettings
from automl_cli.plugins.roles import check_roles
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.run_directory import TRAINING, RunDirectory, check_new_run, create_run, default_run_path, open_run
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import new_training, resumed, with_name
from automl_cli.training.trainable import NamedTrainable, needed


def open_training(
    out: Path | None,
    request: TrainingRequest,
    named: NamedTrainable | None,
    *,
    resume: bool,
    overwrite: bool,
    resume_or_start: bool = False,
) -> RunDirectory:
    """Hold the directory of a training: that of an interrupted one, or a new one with the settings of this request.

    `named` is what is trained; a resumed training knows its own. Raises UserError for whatever does not fit.
    """
    before = directory_to_resume(out, resume=resume, overwrite=overwrite, resume_or_start=resume_or_start)
    if before is not None:
        return _resumed(before, request, named)
    path = out or default_run_path("train")
    check_new_run(path, overwrite=overwrite, layout=TRAINING)
    opened = needed(named).open()
    training = new_training(opened.artifact.body, opened.place, request)
    if opened.published and named is not None:
        training = with_name(training, named.name)
    settings = artifact_of(training, {**training.child.inputs, "network": opened.digest})
    return create_run(path, settings, overwrite=overwrite, layout=TRAINING)


def directory_to_resume(out: Path | None, *, resume: bool, overwrite: bool, resume_or_start: bool = False) -> Path | None:
    """Return the directory of the training to resume, or None for a new one. With `resume_or_start` what is there decides.
    Raises UserError for flags that do not fit."""
    if resume_or_start and is_training(out):
        return out
    if resume and overwrite:
        raise UserError("--resume continues a training and --overwrite replaces it; give one of them")
    if resume and out is None:
        raise UserError("--resume needs --out: the directory of the training to go on with")
    return out if resume else None


def is_training(directory: Path | None) -> bool:
    """Return whether the directory holds a training."""
    return directory is not None and (directory / TRAINING.settings).is_file()


def _resumed(out: Path, request: TrainingRequest, named: NamedTrainable | None) -> RunDirectory:
    run = open_run(out, layout=TRAINING)
    try:
        place = out / TRAINING.settings
        artifact = read_artifact(place, TrainingSettings)
        check_roles(artifact.body.child, f"{place}: body.child", may_be_open=False)
        if (settings := resumed(artifact.body, request, named)) != artifact.body:
            write_artifact(place, msgspec.structs.replace(artifact, body=settings))
    except BaseException:
        run.close()
        raise
    return run


def settings_of(directory: Path) -> TrainingSettings:
    """Read the settings of the training in this directory."""
    return read_artifact(directory / TRAINING.settings, TrainingSettings).body


def resume_training_command(directory: Path) -> str:
    """Return the command that continues the training in this directory."""
    return command_line("train", "--resume", "--out", directory)

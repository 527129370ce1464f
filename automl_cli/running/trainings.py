"""Runs a training to its end: open its directory, show its course, return its model."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from automl_cli.running.talk import Talk, goes_on_with

if TYPE_CHECKING:
    from automl_cli.kinds.model import ModelBody
    from automl_cli.store.artifact import Artifact
    from automl_cli.training.request import TrainingRequest
    from automl_cli.training.trainable import NamedTrainable


class TrainingPlace(NamedTuple):
    """The directory of a training, and whether it is a new one, one to continue or one to replace."""

    out: Path | None = None
    resume: bool = False
    overwrite: bool = False


def training_request(given: Mapping[str, Any]) -> "tuple[TrainingRequest, NamedTrainable | None]":
    """Return what is asked of the training by flags, by attribute, and what is trained. Raises UserError for a value out of
    bounds."""
    from automl_cli.data.paths import expanded
    from automl_cli.training.flags import NAMING
    from automl_cli.training.request import TrainingRequest
    from automl_cli.training.trainable import named_by

    request = TrainingRequest(**{name: given.get(name) for name in TrainingRequest.rows()})
    request.check()
    if request.data_dir is not None:
        request = request.replaced(data_dir=str(expanded(request.data_dir).resolve()))
    return request, named_by(**{row.attribute: given.get(row.attribute) for row in NAMING})


def run_training(
    named: "NamedTrainable | None", request: "TrainingRequest", place: TrainingPlace, talk: Talk
) -> "tuple[Path, Artifact[ModelBody]]":
    """Train, and return the directory of the training and its model. The process is set up already."""
    from automl_cli.jobs.caches import trim_programs
    from automl_cli.running.accounts import say_what_was_read
    from automl_cli.running.event_files import check_event_files, event_file, training_curves
    from automl_cli.running.training_display import shown
    from automl_cli.training.directory import open_training, resume_training_command, settings_of
    from automl_cli.training.run import train

    if talk.events:
        check_event_files()
    trim_programs()
    with open_training(request=request, named=named, **place._asdict()) as run, ExitStack() as stack:
        training = settings_of(run.path)
        say_what_was_read(training.child, talk)
        curves = training_curves(stack.enter_context(event_file(run.path))) if talk.events else None
        display = shown(talk.console, epochs=training.epochs, unseen=not training.with_validation, quiet=talk.quiet)
        with goes_on_with(resume_training_command(run.path)), display as watch:
            return run.path, train(run.path, watch=watch if curves is None else watch.with_epochs(curves))

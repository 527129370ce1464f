"""Runs a training to its end: open its directory, show its course, return its model."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from automl_cli.running.opening import check_one_way, open_patiently
from automl_cli.running.talk import (
    Talk,
    goes_on_with,
    say_timings,
    warn_of_environment,
    warn_of_marker,
    warn_of_set_aside,
    warn_of_timings,
)

if TYPE_CHECKING:
    from automl_cli.kinds.model import ModelBody
    from automl_cli.store.artifact import Artifact
    from automl_cli.store.run_directory import RunDirectory
    from automl_cli.training.asked import AskedTraining


class TrainingPlace(NamedTuple):
    """The directory of a training, and whether it is a new one, one to continue or one to replace, or with `resume_or_start`
    what is found there."""

    out: Path | None = None
    resume: bool = False
    overwrite: bool = False
    resume_or_start: bool = False


def run_training(asked: "AskedTraining", place: TrainingPlace, talk: Talk) -> "tuple[Path, Artifact[ModelBody]]":
    """Train, and return the directory of the training and its model. The process is set up already."""
    from automl_cli.jobs.caches import trim_programs
    from automl_cli.planning.memory import granted_here
    from automl_cli.running.accounts import say_what_was_read, warn_of_the_cache
    from automl_cli.running.event_files import check_event_files, event_file, training_curves
    from automl_cli.running.training_display import shown
    from automl_cli.store.timings_in_force import settled
    from automl_cli.training.directory import resume_training_command, settings_of
    from automl_cli.training.run import train

    if talk.events:
        check_event_files()
    warn_of_set_aside(talk)
    trim_programs()
    if (granted := granted_here(workers=False)) is not None:
        talk.say(granted)
    if asked.recorded is not None:
        warn_of_environment(asked.recorded.settings.environment, f"the training in {asked.recorded.place}", talk)
    with _opened(asked, place, talk) as run, ExitStack() as stack:
        training = settings_of(run.path)
        warn_of_marker(run, talk)
        say_what_was_read(training.child, talk)
        warn_of_timings(training.timings, "the training", talk)
        say_timings(settled(training.timings), talk)
        curves = training_curves(stack.enter_context(event_file(run.path))) if talk.events else None
        display = shown(talk.console, epochs=training.epochs, unseen=not training.with_validation, quiet=talk.quiet)
        with goes_on_with(resume_training_command(run.path)), display as watch:
            model = train(run.path, watch=watch if curves is None else watch.with_epochs(curves))
        warn_of_the_cache(talk)
        return run.path, model


def _opened(asked: "AskedTraining", place: TrainingPlace, talk: Talk) -> "RunDirectory":
    from automl_cli.training.directory import is_training

    check_one_way(**place._asdict())
    if not place.resume_or_start or place.out is None:
        return asked.open(**place._asdict())
    return open_patiently(lambda: asked.open(**place._asdict()), place.out, is_there=lambda: is_training(place.out), talk=talk)

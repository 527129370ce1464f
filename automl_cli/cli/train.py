"""`automl train`: train a network, found or made by experts, or a stack of cells, to the end and test it once."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.cli.accounts import say_what_was_read
from automl_cli.cli.interruption import goes_on_with
from automl_cli.cli.signatures import taking
from automl_cli.training.flags import NAMING, train_flags

if TYPE_CHECKING:
    from automl_cli.kinds.model import ModelBody
    from automl_cli.store.artifact import Artifact
    from automl_cli.training.request import TrainingRequest
    from automl_cli.training.trainable import NamedTrainable


@taking(train_flags())
def train(**given: Any) -> None:
    """Train a found network, one made by experts, or a stack of a cell, to the end and test it once.

    Data are those of the search that found it (all of them, unless --train-examples is given), those it was scaled to, or
    digits; the recipe is that of the search, or for cells and networks made by experts that of a preset: quick for some epochs
    on one machine, paper as published. The
    validation part is scored after each epoch and never trained on, unless --with-validation. The test part is read once, at
    the end. A killed training goes on with --resume and gives the same weights, bit for bit.

    Examples:
        automl train --arch runs/first/best.json
        automl train --arch runs/first --epochs 60 --with-validation --out runs/final
        automl train --cell nasnet-a --stack 1@96 --dataset digits
        automl train --network resnet-20 --dataset digits --epochs 10
        automl train --cell nasnet-a --dataset imagenet --preset paper --dry-run
        automl train --cell nasnet-a --stack 2@192 --dataset photos/ --image-size 96
        automl train --resume --out runs/final
    """
    request, named = _asked(given)
    place = {name: given[name] for name in ("out", "resume", "overwrite")}
    if given["dry_run"]:
        _print_plan(named, request, place, json=given["json"])
        return
    path, model = _trained(named, request, place, quiet=given["quiet"])
    _print(path, model, json=given["json"], quiet=given["quiet"])


def _asked(given: Mapping[str, Any]) -> "tuple[TrainingRequest, NamedTrainable | None]":
    """Return what is asked of the training, and what is trained."""
    from automl_cli.data.paths import expanded
    from automl_cli.training.request import TrainingRequest
    from automl_cli.training.trainable import named_by

    request = TrainingRequest(**{name: given[name] for name in TrainingRequest.rows()})
    request.check()
    if request.data_dir is not None:
        request = request.replaced(data_dir=str(expanded(request.data_dir).resolve()))
    return request, named_by(**{row.attribute: given[row.attribute] for row in NAMING})


def _print_plan(named: "NamedTrainable | None", request: "TrainingRequest", place: Mapping[str, Any], *, json: bool) -> None:
    """Print the plan of a new training, or of the whole of one on record. Nothing is written."""
    from automl_cli.cli.console import write_json, write_words
    from automl_cli.cli.errors import warn_if_refused
    from automl_cli.cli.plans import training_text
    from automl_cli.store.run_directory import TRAINING, check_new_run
    from automl_cli.training.plan import plan_resumed, plan_training
    from automl_cli.training.settings import directory_to_resume
    from automl_cli.training.trainable import needed

    before = directory_to_resume(**place)
    if before is None and place["out"] is not None:
        warn_if_refused("training", lambda: check_new_run(place["out"], overwrite=place["overwrite"], layout=TRAINING))
    plan = plan_training(needed(named), request) if before is None else plan_resumed(before, named, request)
    say_what_was_read(plan.child)
    if json:
        write_json(plan)
    else:
        write_words(training_text(plan))


def _trained(
    named: "NamedTrainable | None", request: "TrainingRequest", place: Mapping[str, Any], *, quiet: bool
) -> "tuple[Path, Artifact[ModelBody]]":
    """Train, and return the directory of the training and its model."""
    from automl_cli.cli.console import talk_console
    from automl_cli.cli.training_display import shown
    from automl_cli.jobs.caches import trim_programs
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.run import train as finish
    from automl_cli.training.settings import open_training, resume_training_command, settings_of

    set_up_lone_process()
    trim_programs()
    with open_training(request=request, named=named, **place) as run:
        training = settings_of(run.path)
        if not quiet:
            say_what_was_read(training.child)
        display = shown(talk_console(), epochs=training.epochs, unseen=not training.with_validation, quiet=quiet)
        with goes_on_with(resume_training_command(run.path)), display as watch:
            return run.path, finish(run.path, watch=watch)


def _print(directory: Path, model: "Artifact[ModelBody]", *, json: bool, quiet: bool) -> None:
    """Say the score on stderr and where the model is on stdout, or write one document with all of it."""
    from automl_cli.cli.console import talk_console, write_json, write_line
    from automl_cli.store.file_names import MODEL_FILE, WEIGHTS_FILE

    body = model.body
    if json:
        files = {"model": str(directory / MODEL_FILE), "weights": str(directory / WEIGHTS_FILE)}
        names = ("epochs", "seed", "parameters", "multiply_adds")
        about = {"dataset": body.child.problem.source, **body.scores, **{name: getattr(body, name) for name in names}}
        write_json({**files, **about})
        return
    if not quiet:
        talk_console().print(score_lines(body.scores)[0], soft_wrap=True)
    write_line(str(directory / MODEL_FILE))


def score_lines(scores: Mapping[str, float]) -> list[str]:
    """Return the scores on the test split as lines. The top-5 accuracy stands beside the accuracy.

    >>> score_lines({"test_accuracy": 0.74, "test_top5_accuracy": 0.916, "test_balanced_accuracy": 0.7})
    ['test accuracy 0.7400 (top-5 0.9160)', 'test balanced accuracy 0.7000']
    """
    beside = {"test_accuracy": f" (top-5 {scores['test_top5_accuracy']:.4f})"} if "test_top5_accuracy" in scores else {}
    shown = (name for name in scores if name.startswith("test_") and name != "test_top5_accuracy")
    return [f"{name.replace('_', ' ')} {scores[name]:.4f}{beside.get(name, '')}" for name in shown]

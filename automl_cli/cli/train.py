"""`automl train`: train a network, found or made by experts, or a stack of cells, to the end and test it once."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.cli.signatures import taking
from automl_cli.core.shell_commands import command_line
from automl_cli.training.flags import train_flags

if TYPE_CHECKING:
    from automl_cli.kinds.model import ModelBody
    from automl_cli.store.artifact import Artifact
    from automl_cli.training.asked import AskedTraining


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
        automl train --config runs/final --out runs/again
    """
    from automl_cli.cli.console import talk_console
    from automl_cli.running.talk import Talk
    from automl_cli.running.trainings import TrainingPlace, run_training
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.asked import asked_training

    asked = asked_training(given)
    place = {name: given[name] for name in TrainingPlace._fields}
    if given["write_config"] is not None:
        _write_config(asked, given["write_config"], json=given["json"], plan_follows=given["dry_run"])
    if given["dry_run"]:
        _print_plan(asked, place, json=given["json"])
    elif given["write_config"] is None:
        set_up_lone_process()
        talk = Talk(talk_console(), quiet=given["quiet"], events=given["tensorboard"])
        path, model = run_training(asked, TrainingPlace(**place), talk)
        _print(path, model, json=given["json"], quiet=given["quiet"])


def _write_config(asked: "AskedTraining", path: Path, *, json: bool, plan_follows: bool) -> None:
    """Write the flags that ask for this training to a new file. What does not fit is refused before."""
    from automl_cli.cli.configuring import say_written
    from automl_cli.store.config_file import check_new_file, write_flags
    from automl_cli.training.anew import flags_for
    from automl_cli.training.plan import plan_training
    from automl_cli.training.trainable import needed

    check_new_file(path)
    if asked.recorded is not None:
        values = flags_for(asked.recorded, asked.request, asked.named)
    else:
        named = needed(asked.named)
        plan_training(named, asked.request)
        values = {named.flag: named.name, **asked.request.given()}
    again = command_line("train", "--config", path)
    write_flags(path, values, command=again)
    say_written(path, values, again, json=json, plan_follows=plan_follows)


def _print_plan(asked: "AskedTraining", place: Mapping[str, Any], *, json: bool) -> None:
    """Print the plan of a new training, or of the whole of one on record. Nothing is written."""
    from automl_cli.cli.console import talk_console, write_json, write_words
    from automl_cli.cli.errors import warn_if_refused
    from automl_cli.cli.plans import training_text
    from automl_cli.running.accounts import say_what_was_read
    from automl_cli.running.talk import Talk
    from automl_cli.store.run_directory import TRAINING, check_new_run
    from automl_cli.training.directory import directory_to_resume
    from automl_cli.training.plan import plan_anew, plan_resumed, plan_training
    from automl_cli.training.trainable import needed

    before = directory_to_resume(**place)
    if before is None and place["out"] is not None:
        warn_if_refused("training", lambda: check_new_run(place["out"], overwrite=place["overwrite"], layout=TRAINING))
    request, named, recorded = asked
    if recorded is not None:
        plan = plan_anew(recorded, named, request)
    else:
        plan = plan_training(needed(named), request) if before is None else plan_resumed(before, named, request)
    say_what_was_read(plan.child, Talk(talk_console()))
    if json:
        write_json(plan)
    else:
        write_words(training_text(plan))


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

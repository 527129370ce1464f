"""`automl train`: a found network, or a stack of a found or published cell, trained to the end and tested once."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_cli.cli import training_options as flags
from automl_cli.cli.interruption import goes_on_with
from automl_cli.cli.options import Json

if TYPE_CHECKING:
    from automl_cli.store.artifact import Artifact
    from automl_cli.store.bodies import Model
    from automl_cli.training.settings import TrainingRequest
    from automl_cli.training.trainable import Named


def train(
    *,
    arch: flags.Arch = None,
    cell: flags.Cell = None,
    network: flags.Network = None,
    stack: flags.Stack = None,
    filters: flags.Filters = None,
    seed: flags.Seed = None,
    dataset: flags.Dataset = None,
    data_dir: flags.DataDir = None,
    train_examples: flags.TrainExamples = None,
    with_validation: flags.WithValidation = None,
    image_size: flags.ImageSize = None,
    metric: flags.Metric = None,
    flip: flags.Flip = None,
    epochs: flags.Epochs = None,
    preset: flags.Preset = None,
    batch_size: flags.BatchSize = None,
    learning_rate: flags.LearningRate = None,
    momentum: flags.Momentum = None,
    weight_decay: flags.WeightDecay = None,
    schedule: flags.Schedule = None,
    augmentation: flags.Augmentation = None,
    optimizer: flags.Optimizer = None,
    gradient_clip: flags.GradientClip = None,
    label_smoothing: flags.LabelSmoothing = None,
    auxiliary_weight: flags.AuxiliaryWeight = None,
    drop_path_keep: flags.DropPathKeep = None,
    drop_path_schedule: flags.DropPathSchedule = None,
    dropout: flags.Dropout = None,
    average_decay: flags.AverageDecay = None,
    precision: flags.Precision = None,
    out: flags.Out = None,
    resume: flags.Resume = False,
    overwrite: flags.Overwrite = False,
    dry_run: flags.DryRun = False,
    quiet: flags.Quiet = False,
    json: Json = False,
) -> None:
    """Train a found network, or a stack of a cell, to the end and test it once.

    Data are those of the search that found it (all of them, unless --train-examples is given) or those it was scaled to; the
    recipe is that of the search, or for cells that of a preset: quick for some epochs on one machine, paper as published. The
    validation part is scored after each epoch and never trained on, unless --with-validation. The test part is read once, at
    the end. A killed training goes on with --resume and gives the same weights, bit for bit.

    Examples:
        automl train --arch runs/first/best.json
        automl train --arch runs/first --epochs 60 --with-validation --out runs/final
        automl train --cell nasnet-a --stack 1@96 --dataset digits
        automl train --cell nasnet-a --dataset imagenet --preset paper --dry-run
        automl train --cell nasnet-a --stack 2@192 --dataset photos/ --image-size 96
        automl train --resume --out runs/final
    """
    request, named = _asked(locals())
    if dry_run:
        _print_plan(named, request, out, resume=resume, overwrite=overwrite, json=json)
        return
    path, model = _trained(named, request, out, resume=resume, overwrite=overwrite, quiet=quiet)
    _print(path, model, json=json)


def _asked(given: Mapping[str, Any]) -> "tuple[TrainingRequest, Named | None]":
    """What is asked of the training, and what is trained."""
    from automl_cli.data.places import expanded
    from automl_cli.training.settings import TrainingRequest
    from automl_cli.training.trainable import SUBJECTS, named_by

    said = {name: given[name] for name in TrainingRequest.__struct_fields__ if given[name] is not None}
    if "data_dir" in said:
        said["data_dir"] = str(expanded(said["data_dir"]).resolve())
    return TrainingRequest(**said), named_by(**{flag: given[flag] for flag in SUBJECTS})


def _print_plan(
    named: "Named | None", request: "TrainingRequest", out: Path | None, *, resume: bool, overwrite: bool, json: bool
) -> None:
    """Of a new training, or of the whole of one on record. Nothing is written."""
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.cli.plans import training_text
    from automl_cli.training.plan import plan_resumed, plan_training
    from automl_cli.training.settings import directory_to_resume
    from automl_cli.training.trainable import needed

    before = directory_to_resume(out, resume=resume, overwrite=overwrite)
    plan = plan_training(needed(named), request) if before is None else plan_resumed(before, named, request)
    if json:
        write_json(plan)
    else:
        write_line(training_text(plan))


def _trained(
    named: "Named | None", request: "TrainingRequest", out: Path | None, *, resume: bool, overwrite: bool, quiet: bool
) -> "tuple[Path, Artifact[Model]]":
    """The directory of the training and the model it gave."""
    from automl_cli.cli.console import talk_console
    from automl_cli.cli.training_display import shown
    from automl_cli.jobs.caches import trim_programs
    from automl_cli.system.process import set_up_lone_process
    from automl_cli.training.run import train as finish
    from automl_cli.training.settings import open_training, resume_command, settings_of

    set_up_lone_process()
    trim_programs()
    with open_training(out, request, named, resume=resume, overwrite=overwrite) as run:
        training = settings_of(run.path)
        display = shown(talk_console(), epochs=training.epochs, unseen=not training.with_validation, quiet=quiet)
        with goes_on_with(resume_command(run.path)), display as watch:
            return run.path, finish(run.path, watch=watch)


def _print(directory: Path, model: "Artifact[Model]", *, json: bool) -> None:
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.training.run import MODEL, WEIGHTS

    body = model.body
    if json:
        names = (
            "test_accuracy",
            "test_top5_accuracy",
            "test_balanced_accuracy",
            "validation_accuracy",
            "epochs",
            "seed",
            "parameters",
            "multiply_adds",
        )
        files = {"model": str(directory / MODEL), "weights": str(directory / WEIGHTS), "dataset": body.dataset.source}
        write_json({**files, **{name: getattr(body, name) for name in names}})
        return
    write_line(str(directory / MODEL))
    write_line(accuracy_text(body.test_accuracy, body.test_top5_accuracy))


def accuracy_text(accuracy: float, top5: float | None) -> str:
    """
    >>> accuracy_text(0.74, 0.916)
    'test accuracy 0.7400 (top-5 0.9160)'
    """
    return f"test accuracy {accuracy:.4f}" + ("" if top5 is None else f" (top-5 {top5:.4f})")

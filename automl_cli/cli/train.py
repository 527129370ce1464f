"""`automl train`: a found network trained to the end and tested once."""

import shlex
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.cli import training_options as flags
from automl_cli.cli.options import Json, artifact_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from automl_cli.jobs.training import TrainingRequest
    from automl_cli.store.artifact import Artifact
    from automl_cli.store.bodies import Model


def train(
    *,
    arch: flags.Arch = None,
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
    out: flags.Out = None,
    resume: flags.Resume = False,
    overwrite: flags.Overwrite = False,
    quiet: flags.Quiet = False,
    json: Json = False,
) -> None:
    """Train a found network to the end and test it once.

    Data and recipe are those of the search that found it, but for --train-examples: unless it is given, all are trained on. The
    validation part is scored after each epoch and never trained on, unless --with-validation. The test part is read once, at
    the end. A killed training goes on with --resume and gives the same weights, bit for bit.

    Examples:
        automl train --arch runs/first/best.json
        automl train --arch runs/first --epochs 60 --with-validation --out runs/final
        automl train --resume --out runs/final
    """
    from automl_cli.jobs.training import TrainingRequest

    request = TrainingRequest(
        preset=preset, dataset=dataset, data_dir=None if data_dir is None else str(data_dir.expanduser().resolve()),
        train_examples=train_examples, with_validation=with_validation, image_size=image_size, metric=metric, flip=flip,
        epochs=epochs, seed=seed, batch_size=batch_size, learning_rate=learning_rate, momentum=momentum,
        weight_decay=weight_decay, schedule=schedule, augmentation=augmentation,
    )  # fmt: skip
    path, model = _trained(arch, request, out, resume=resume, overwrite=overwrite, quiet=quiet)
    _print(path, model, json=json)


def _trained(
    arch: Path | None, request: "TrainingRequest", out: Path | None, *, resume: bool, overwrite: bool, quiet: bool
) -> "tuple[Path, Artifact[Model]]":
    """The directory of the training and the model it gave."""
    from automl_cli.cli.console import talk_console
    from automl_cli.cli.training_display import shown
    from automl_cli.executors.process import keep_compiled_programs
    from automl_cli.jobs.train import train as finish
    from automl_cli.jobs.training import open_training, settings_of

    keep_compiled_programs()
    file = None if arch is None else artifact_in(arch)
    with open_training(out, request, file, resume=resume, overwrite=overwrite) as run, _interruption_said(run.path):
        training = settings_of(run.path)
        display = shown(talk_console(), epochs=training.epochs, unseen=not training.with_validation, quiet=quiet)
        with display as watch:
            return run.path, finish(run.path, watch=watch)


@contextmanager
def _interruption_said(directory: Path) -> "Iterator[None]":
    try:
        yield
    except KeyboardInterrupt:
        command = f"automl train --resume --out {shlex.quote(str(directory))}"
        raise KeyboardInterrupt(f"interrupted; continue with: {command}") from None


def _print(directory: Path, model: "Artifact[Model]", *, json: bool) -> None:
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.jobs.train import MODEL, WEIGHTS

    body = model.body
    if json:
        names = (
            "test_accuracy",
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
    write_line(f"test accuracy {body.test_accuracy:.4f}")

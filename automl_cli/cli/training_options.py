"""Flags of `automl train`. None means: not said, so that the artifact, the preset or the record decides."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

WHAT, DATA, HOW, RUN = "What is trained", "On which data", "How it is trained", "The training"


def _option(panel: str, *flags: str, **more: Any) -> Any:
    return typer.Option(*flags, rich_help_panel=panel, show_default=False, **more)


Arch = Annotated[
    Path | None, _option(WHAT, "--arch", metavar="ARTIFACT", help="The best.json of a search, or the directory of its run.")
]
Seed = Annotated[
    int | None, _option(WHAT, "--seed", metavar="N", help="Of the initial weights and the order of the data. [default: 0]")
]

Dataset = Annotated[
    str | None,
    _option(DATA, "--dataset", metavar="NAME|PATH", help="See `automl datasets`. [default: what it was searched on]"),
]
DataDir = Annotated[
    Path | None,
    _option(DATA, "--data-dir", metavar="DIR", envvar="TFDS_DATA_DIR", help="Where prepared TFDS data sets are."),
]
TrainExamples = Annotated[
    int | None, _option(DATA, "--train-examples", metavar="N", help="Take N training examples, drawn by class. [default: all]")
]
WithValidation = Annotated[
    bool | None, _option(DATA, "--with-validation", help="Train on the validation examples too; nothing validates then.")
]
ImageSize = Annotated[
    int | None, _option(DATA, "--image-size", metavar="PIXELS", help="Height and width to which images are resized.")
]
Metric = Annotated[
    Literal["accuracy", "balanced-accuracy"] | None,
    _option(DATA, "--metric", help="The validation score; balanced-accuracy also weighs the classes alike in the loss."),
]
Flip = Annotated[
    bool | None, _option(DATA, "--flip/--no-flip", help="Whether a mirrored image is as good. [default: by data set]")
]

Epochs = Annotated[int | None, _option(HOW, "--epochs", metavar="N", help="How often the examples are seen. [default: 30]")]
Preset = Annotated[
    str | None, _option(HOW, "--preset", metavar="quick|paper", help="The recipe of a preset. [default: the search's own]")
]
BatchSize = Annotated[int | None, _option(HOW, "--batch-size", metavar="N", help="Examples of one step.")]
LearningRate = Annotated[float | None, _option(HOW, "--learning-rate", metavar="X", help="Learning rate at the start.")]
Momentum = Annotated[float | None, _option(HOW, "--momentum", metavar="X", help="Of Nesterov's rule.")]
WeightDecay = Annotated[
    float | None, _option(HOW, "--weight-decay", metavar="X", help="Added to every gradient, times the weight.")
]
Schedule = Annotated[Literal["constant", "cosine"] | None, _option(HOW, "--schedule", help="Course of the learning rate.")]
Augmentation = Annotated[
    Literal["standard", "none"] | None, _option(HOW, "--augmentation", help="standard: upsample, crop, flip where allowed.")
]

Out = Annotated[Path | None, _option(RUN, "--out", metavar="DIR", help="Its directory. [default: runs/train-<time>]")]
Resume = Annotated[bool, _option(RUN, "--resume", help="Continue the training in --out.")]
Overwrite = Annotated[bool, _option(RUN, "--overwrite", help="Replace the training in --out.")]
Quiet = Annotated[bool, _option(RUN, "--quiet", "-q", help="No progress, only errors.")]

"""Flags of `automl train`. None means: not said, so that the artifact, the preset or the record decides."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

WHAT, DATA, HOW, RUN = "What is trained", "On which data", "How it is trained", "The training"


def _option(panel: str, *flags: str, **more: Any) -> Any:
    return typer.Option(*flags, rich_help_panel=panel, show_default=False, **more)


Arch = Annotated[
    str | None,
    _option(WHAT, "--arch", metavar="ARTIFACT", help="A found network: the best.json of a search, or its directory."),
]
Cell = Annotated[
    str | None,
    _option(
        WHAT,
        "--cell",
        metavar="ARTIFACT|NAME",
        help="A found cell, or a published one: see `automl references`. It is stacked.",
    ),
]
Network = Annotated[
    str | None,
    _option(WHAT, "--network", metavar="ARTIFACT", help="A scaled cell: a network.json, or the directory that holds one."),
]
Stack = Annotated[
    str | None,
    _option(
        WHAT,
        "--stack",
        metavar="N@P",
        help="Of a cell: repeats and channels of the last cell. [default: 6@768, from 64 pixels on 4@1056]",
    ),
]
Filters = Annotated[int | None, _option(WHAT, "--filters", min=1, metavar="F", help="Of a cell: filters, whatever P is.")]
Seed = Annotated[
    int | None, _option(WHAT, "--seed", metavar="N", help="Of the initial weights and the order of the data. [default: 0]")
]

Dataset = Annotated[
    str | None,
    _option(DATA, "--dataset", metavar="NAME|PATH", help="See `automl datasets`. [default: what it was searched on]"),
]
DataDir = Annotated[
    Path | None,
    _option(
        DATA, "--data-dir", metavar="DIR", help="Where prepared TFDS data sets are. [default: TFDS_DATA_DIR, then TFDS's own]"
    ),
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

Epochs = Annotated[
    int | None, _option(HOW, "--epochs", metavar="N", help="How often the examples are seen. [default: by preset, else 30]")
]
Preset = Annotated[
    str | None,
    _option(
        HOW, "--preset", metavar="quick|paper", help="The recipe of a preset. [default: the search's own; quick for cells]"
    ),
]
BatchSize = Annotated[int | None, _option(HOW, "--batch-size", metavar="N", help="Examples of one step.")]
LearningRate = Annotated[float | None, _option(HOW, "--learning-rate", metavar="X", help="Learning rate at the start.")]
Momentum = Annotated[float | None, _option(HOW, "--momentum", metavar="X", help="Of either optimizer.")]
WeightDecay = Annotated[
    float | None, _option(HOW, "--weight-decay", metavar="X", help="Added to every gradient, times the weight.")
]
Schedule = Annotated[
    Literal["constant", "cosine", "exponential"] | None,
    _option(HOW, "--schedule", help="Course of the learning rate; exponential: times 0.97 after every 2.4 epochs."),
]
Augmentation = Annotated[
    Literal["standard", "inception", "none"] | None,
    _option(
        HOW,
        "--augmentation",
        help="standard: upsample, crop, flip where allowed. inception: windows of random area and aspect, flip, colours; the "
        "pictures are decoded as they are needed, any number of any size.",
    ),
]

Optimizer = Annotated[
    Literal["momentum", "rmsprop"] | None, _option(HOW, "--optimizer", help="rmsprop: decay 0.9, epsilon 1, then momentum.")
]
GradientClip = Annotated[float | None, _option(HOW, "--gradient-clip", metavar="X", help="Bound on the norm of the gradient.")]
LabelSmoothing = Annotated[
    float | None, _option(HOW, "--label-smoothing", metavar="X", help="Share of each label that all classes get alike.")
]
AuxiliaryWeight = Annotated[
    float | None, _option(HOW, "--auxiliary-weight", metavar="X", help="Of the auxiliary head's loss, for stacks of cells.")
]
DropPathKeep = Annotated[
    float | None,
    _option(
        HOW, "--drop-path-keep", metavar="X", help="ScheduledDropPath: how probably a path of the last cell is kept at the end."
    ),
]
DropPathSchedule = Annotated[
    Literal["time-and-depth", "time"] | None,
    _option(
        HOW,
        "--drop-path-schedule",
        help="time-and-depth: the deeper a cell, the more of its paths are dropped (released code). time: of all cells alike "
        "(paper).",
    ),
]
Dropout = Annotated[
    float | None, _option(HOW, "--dropout", metavar="X", help="How probably a feature before the classifier is dropped.")
]
AverageDecay = Annotated[
    float | None,
    _option(HOW, "--average-decay", metavar="X", help="Score with a running mean of the parameters that keeps X of itself."),
]
Precision = Annotated[
    Literal["float32", "mixed"] | None,
    _option(HOW, "--precision", help="mixed: activations in bfloat16 where the device has it, parameters in float32."),
]

Out = Annotated[Path | None, _option(RUN, "--out", metavar="DIR", help="Its directory. [default: runs/train-<time>]")]
Resume = Annotated[bool, _option(RUN, "--resume", help="Continue the training in --out.")]
Overwrite = Annotated[bool, _option(RUN, "--overwrite", help="Replace the training in --out.")]
DryRun = Annotated[bool, _option(RUN, "--dry-run", help="Say what would be done and how long it may take.")]
Quiet = Annotated[bool, _option(RUN, "--quiet", "-q", help="No progress, only errors.")]

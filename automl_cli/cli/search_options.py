"""Flags that all searches share. None means: not said, so that the preset, a configuration file or the record decides."""

from pathlib import Path
from typing import Annotated, Any

import typer

WHAT, HOW, WHERE, RUN = "What is searched", "How it is searched", "Where children are trained", "The run"
AFTER = "What becomes of the winner"


def _option(panel: str, *flags: str, **more: Any) -> Any:
    return typer.Option(*flags, rich_help_panel=panel, show_default=False, **more)


Preset = Annotated[
    str | None,
    _option(
        WHAT,
        "--preset",
        metavar="quick|paper",
        help="quick: two minutes on two cores. paper: the paper's own setting. [default: quick]",
    ),
]
SpaceOptions = Annotated[
    list[str] | None,
    _option(WHAT, "--space-option", metavar="NAME=VALUE", help="An option of the space; may be given more than once."),
]
Dataset = Annotated[
    str | None,
    _option(
        WHAT,
        "--dataset",
        metavar="NAME|PATH",
        help="A name, a folder of class folders, or an .npz file; see `automl datasets`. [default: digits]",
    ),
]
DataDir = Annotated[
    str | None,
    _option(
        WHAT, "--data-dir", metavar="DIR", help="Where prepared TFDS data sets are. [default: TFDS_DATA_DIR, then TFDS's own]"
    ),
]
TrainExamples = Annotated[
    int | None, _option(WHAT, "--train-examples", metavar="N", help="Take N training examples, drawn by class.")
]
ImageSize = Annotated[
    int | None, _option(WHAT, "--image-size", metavar="PIXELS", help="Height and width to which images are resized.")
]
Metric = Annotated[str | None, _option(WHAT, "--metric", metavar="accuracy|balanced-accuracy", help="The validation score.")]
MaxParameters = Annotated[int | None, _option(WHAT, "--max-parameters", metavar="N", help="Larger networks are not trained.")]
MaxMultiplyAdds = Annotated[
    int | None, _option(WHAT, "--max-multiply-adds", metavar="N", help="Costlier networks are not trained.")
]

StrategyName = Annotated[
    str | None, _option(HOW, "--strategy", metavar="NAME", help="reinforce, random, … [default: the preset's]")
]
StrategyOptions = Annotated[
    list[str] | None,
    _option(HOW, "--strategy-option", metavar="NAME=VALUE", help="A constant of the strategy; may be given more than once."),
]
StartFrom = Annotated[
    list[str] | None,
    _option(
        HOW,
        "--start-from",
        metavar="ARTIFACT|RUN|NAME",
        help="A network or cell for --strategy evolution to start from; may be given more than once.",
    ),
]
Trials = Annotated[int | None, _option(HOW, "--trials", metavar="N", help="How many networks are proposed.")]
Epochs = Annotated[int | None, _option(HOW, "--epochs", metavar="N", help="How long each is trained.")]
RewardExponent = Annotated[
    float | None, _option(HOW, "--reward-exponent", metavar="X", help="The reward is the score to this power.")
]
RetrainTop = Annotated[
    int | None,
    _option(
        HOW, "--retrain-top", metavar="K", help="Train the K best again, longer and on new seeds, before the winner is named."
    ),
]
RetrainEpochs = Annotated[
    int | None, _option(HOW, "--retrain-epochs", metavar="N", help="How long those are trained. [default: 4 times --epochs]")
]
Reuse = Annotated[
    bool | None, _option(HOW, "--reuse/--no-reuse", help="Whether a network that is proposed again takes its earlier score.")
]
Seed = Annotated[
    int | None,
    _option(HOW, "--seed", metavar="N", help="Root of everything random; the same seed finds the same. [default: 0]"),
]
InFlight = Annotated[
    int | None,
    _option(
        HOW,
        "--in-flight",
        metavar="W",
        help="How many are proposed before the first is scored, in whole minibatches: unlike --workers, part of the search.",
    ),
]
EvaluatorName = Annotated[
    str | None, _option(HOW, "--evaluator", metavar="NAME", help="How a network is scored. [default: image, which trains it]")
]
EvaluatorOptions = Annotated[
    list[str] | None,
    _option(HOW, "--evaluator-option", metavar="NAME=VALUE", help="A setting of the evaluator; may be given more than once."),
]

ExecutorName = Annotated[
    str | None,
    _option(
        WHERE,
        "--executor",
        metavar="local|serial",
        help="Worker processes, or one after the other in this process; the result is the same. [default: local]",
    ),
]
Workers = Annotated[
    int | None, _option(WHERE, "--workers", metavar="N", help="How many at a time. [default: one per GPU, else per core]")
]
TrialTimeout = Annotated[
    float | None, _option(WHERE, "--trial-timeout", metavar="SECONDS", help="End a child that takes longer.")
]
MaxFailures = Annotated[
    int | None, _option(WHERE, "--max-failures", metavar="N", help="Stop after so many failures in a row. [default: 5]")
]
TimeBudget = Annotated[
    float | None,
    _option(
        WHERE,
        "--time-budget",
        metavar="SECONDS",
        help="Stop after this long, all sessions together; the result then depends on the machine.",
    ),
]

Transfer = Annotated[
    str | None,
    _option(
        AFTER,
        "--transfer",
        metavar="NAME|PATH",
        help="Scale the winner to this data set; train it there if the data are here. imagenet and the like need not be.",
    ),
]
Stack = Annotated[
    str | None,
    _option(
        AFTER,
        "--stack",
        metavar="N@P",
        help="Repeats and channels of the last cell. [default: 6@768, from 64 pixels on 4@1056]",
    ),
]
Filters = Annotated[int | None, _option(AFTER, "--filters", metavar="F", help="Filters of the first cells, whatever P is.")]
TransferImageSize = Annotated[
    int | None, _option(AFTER, "--transfer-image-size", metavar="PIXELS", help="Height and width of its images.")
]
TransferEpochs = Annotated[
    int | None, _option(AFTER, "--transfer-epochs", metavar="N", help="How long it is trained. [default: by preset]")
]

Out = Annotated[Path | None, _option(RUN, "--out", metavar="DIR", help="The run directory. [default: runs/<command>-<time>]")]
Resume = Annotated[bool, _option(RUN, "--resume", help="Continue the run in --out.")]
Overwrite = Annotated[bool, _option(RUN, "--overwrite", help="Replace the run in --out.")]
Repeat = Annotated[
    int | None,
    _option(
        RUN, "--repeat", metavar="N", help="Search N times, with seeds s, s + 1, …, each in seed-<s>/ of the run directory."
    ),
]
Config = Annotated[
    Path | None,
    _option(RUN, "--config", metavar="FILE.toml", help="Flags by name, such as trials = 64; flags on the command line win."),
]
DryRun = Annotated[bool, _option(RUN, "--dry-run", help="Say what would be done and how long it may take.")]
Verbose = Annotated[bool, _option(RUN, "--verbose", "-v", help="A line for every trial.")]
Quiet = Annotated[bool, _option(RUN, "--quiet", "-q", help="No progress, only warnings and errors.")]
LogFile = Annotated[Path | None, _option(RUN, "--log-file", metavar="FILE", help="Append a line for every trial to this file.")]

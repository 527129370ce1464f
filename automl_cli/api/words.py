"""Types of the keywords: every flag of the command line, with underscores. A test compares them with the rows of the flags."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from automl_cli.api.result import SearchResult
    from automl_cli.evaluators.proposed_child import ProposedChild
    from automl_cli.jobs.loading import Loaded

Place = str | PathLike[str]
"""A path."""

Images = Any
"""Images as an array: uint8 or other numbers, (examples, height, width), (examples, height, width, channels) or one (height,
width)."""

Pair = tuple[Any, Any]
"""Images (examples, height, width, channels) or (examples, height, width), and labels (examples,), as NumPy takes them."""

Data = Place | Pair | Mapping[str, Pair]
"""A data set: by name or path, as (images, labels), or as {"train": (images, labels), "test": …, "validation": …}."""

Named = "Place | SearchResult | Loaded"
"""An artifact: a name, a path, what `search` gave back, or what `load` gave."""

OwnScore = Callable[["ProposedChild"], Any]
"""A function of a child that returns its score, one score for each epoch, or a mapping of "score" and metrics."""

What = Literal["arch", "cell", "activation", "optimizer", "augment"]
"""The search commands, without `search-`."""


class DataWords(TypedDict, total=False):
    """The data set, and how it is read."""

    dataset: Data
    data_dir: Place
    train_examples: int
    image_size: int | str
    resize: Literal["crop", "pad", "squash"]
    background: str
    layout: Literal["nhwc", "nchw"]
    pixel_range: str | Sequence[float]
    skip_broken: bool
    skip_small_classes: bool
    validation_share: float
    test_share: float
    class_weights: Literal["balanced", "none"]
    metric: Literal["accuracy", "balanced-accuracy"]
    flip: bool


class RoleWords(TypedDict, total=False):
    """The values in roles of a child: names, artifacts, runs."""

    activation: "Place | SearchResult | Loaded"
    augment: "Place | SearchResult | Loaded"
    optimizer: "Place | SearchResult | Loaded"
    arch: "Place | SearchResult | Loaded"
    cell: "Place | SearchResult | Loaded"
    network: "Place | SearchResult | Loaded"


class SearchWords(DataWords, RoleWords, total=False):
    """The keywords of `search`: flags of the search commands."""

    preset: Literal["quick", "paper"]
    space: Place
    space_option: Mapping[str, Any]
    max_parameters: int
    max_multiply_adds: int
    strategy: str
    strategy_option: Mapping[str, Any]
    start_from: "Place | SearchResult | Loaded | Sequence[Place | SearchResult | Loaded]"
    warm_start: Literal["costs", "none"]
    replicates: int
    trials: int
    epochs: int
    reward_exponent: float
    retrain_top: int
    retrain_epochs: int
    reuse: bool
    seed: int
    in_flight: int
    evaluator: str | OwnScore
    evaluator_option: Mapping[str, Any]
    folds: int
    table: Place
    encoding_column: str
    reward_column: str
    reward_columns: str
    noise: float
    report_columns: str
    cost_columns: str
    executor: Literal["local", "serial", "ray"]
    workers: int
    ray_address: str
    child_cpus: int
    child_gpus: float
    trial_timeout: float
    max_failures: int
    memory_limit: str
    time_budget: float
    transfer: str
    transfer_image_size: int
    transfer_epochs: int
    stack: str
    filters: int
    operations: str
    out: Place
    resume: bool
    resume_or_start: bool
    overwrite: bool
    repeat: int
    config: Place
    verbose: bool
    quiet: bool
    log_file: Place
    tensorboard: bool


class TrainWords(DataWords, RoleWords, total=False):
    """The keywords of `train`: flags of `automl train`."""

    stack: str
    filters: int
    seed: int
    with_validation: bool
    epochs: int
    preset: Literal["quick", "paper"]
    batch_size: int
    learning_rate: float
    weight_decay: float
    schedule: Literal["constant", "cosine", "exponential"]
    warmup_epochs: float
    gradient_clip: float
    label_smoothing: float
    auxiliary_weight: float
    drop_path_keep: float
    drop_path_schedule: Literal["time-and-depth", "time"]
    dropout: float
    average_decay: float
    precision: Literal["float32", "mixed"]
    momentum: float
    config: Place
    out: Place
    resume: bool
    resume_or_start: bool
    overwrite: bool
    quiet: bool
    tensorboard: bool


LEFT_OUT = frozenset({"dry-run", "json", "nice", "write-config"})
"""Flags that mean nothing in a program: it prints no document, and is itself what would give way."""

"""The flags of `automl train`, one row each, in the order of the help.

A new flag is a row here and the place that uses it, as `request.<attribute>`. A new number of the recipe is a field of
`values.recipe.Recipe`, perhaps with its bounds, and a row here: type, choices and bounds are those of the field.
"""

from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from automl_cli.core.bounds import Bounds
from automl_cli.core.flags import GENERAL, Flag
from automl_cli.plugins.listing import problem_rows
from automl_cli.plugins.roles import names_of
from automl_cli.references import role_rows
from automl_cli.values.recipe import BOUNDS, Recipe

WHAT, DATA, HOW, RUN = "What is trained", "On which data", "How it is trained", "The training"

NAMING = (
    Flag(
        name="arch",
        type=str,
        panel=WHAT,
        metavar="ARTIFACT",
        help="A found network: the best.json of a search, or its directory.",
    ),
    Flag(
        name="cell",
        type=str,
        panel=WHAT,
        metavar="ARTIFACT|NAME",
        help="A found cell, or a published one: see `automl references`. It is stacked.",
    ),
    Flag(
        name="network",
        type=str,
        panel=WHAT,
        metavar="ARTIFACT|NAME",
        help=f"A network made by experts: {', '.join(names_of('network'))}; or a scaled cell: a network.json or its directory.",
    ),
)
"""These name what is trained; everything else is asked of its training."""

SUBJECT = (
    Flag(
        name="stack",
        type=str,
        panel=WHAT,
        metavar="N@P",
        help="Of a cell: repeats and channels of the last cell. [default: 6@768, from 64 pixels on 4@1056]",
    ),
    Flag(name="filters", type=int, panel=WHAT, metavar="F", help="Of a cell: filters, whatever P is.", at_least=1),
    Flag(
        name="seed",
        type=int,
        panel=WHAT,
        metavar="N",
        help="Of the initial weights and the order of the data. [default: 0]",
        at_least=0,
        recorded="seed",
    ),
)

EXAMPLES = (
    Flag(
        name="dataset",
        type=str,
        panel=DATA,
        metavar="NAME|PATH",
        help="See `automl datasets`. [default: what it was searched on]",
        recorded="child.problem.dataset.source",
    ),
    Flag(
        name="data-dir",
        type=str,
        panel=DATA,
        metavar="DIR",
        help="Where prepared TFDS data sets are. [default: TFDS_DATA_DIR, then TFDS's own]",
        recorded="child.problem.dataset.data_dir",
    ),
    Flag(
        name="train-examples",
        type=int,
        panel=DATA,
        metavar="N",
        help="Take N training examples, drawn by class. [default: all]",
        at_least=1,
        recorded="child.problem.dataset.train_examples",
    ),
    Flag(
        name="with-validation",
        type=bool,
        panel=DATA,
        help="Train on the validation examples too; nothing validates then.",
        recorded="with_validation",
    ),
)

COURSE = (
    Flag(
        name="epochs",
        type=int,
        panel=HOW,
        metavar="N",
        help="How often the examples are seen. [default: by preset, else 30, or as many as make 600 steps]",
        at_least=1,
        recorded="epochs",
    ),
    Flag(
        name="preset",
        type=str,
        panel=HOW,
        metavar="quick|paper",
        help="The recipe of a preset. [default: the search's own; quick for cells]",
    ),
)


def _of_recipe(name: str, text: str, metavar: str | None = None) -> Flag:
    """Return the row of a field of the recipe."""
    field = name.replace("-", "_")
    hint = get_type_hints(Recipe)[field]
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    kinds = [str] if choices else [kind for kind in get_args(hint) or (hint,) if kind is not NoneType]
    bounds: dict[str, Any] = msgspec.structs.asdict(BOUNDS.get(field, Bounds()))
    return Flag(
        name=name,
        type=kinds[0],
        panel=HOW,
        metavar=metavar,
        help=text,
        choices=choices,
        recorded=f"child.recipe.{field}",
        **bounds,
    )


LARGEST_RATE = 100.0
"""A training at a larger learning rate can only diverge; rules that are known to work at one have a bound of their own
(`kinds.optimizer_rule`)."""

RECIPE = (
    _of_recipe("batch-size", "Examples of one step.", "N"),
    msgspec.structs.replace(_of_recipe("learning-rate", "Learning rate at the start.", "X"), at_most=LARGEST_RATE),
    _of_recipe("weight-decay", "Added to every gradient, times the weight; of some optimizers to the update.", "X"),
    _of_recipe("schedule", "Course of the learning rate; exponential: times 0.97 after every 2.4 epochs."),
    _of_recipe("warmup-epochs", "Epochs in which the learning rate rises to its course.", "X"),
    _of_recipe("gradient-clip", "Bound on the norm of the gradient.", "X"),
    _of_recipe("label-smoothing", "Share of each label that all classes get alike.", "X"),
    _of_recipe("auxiliary-weight", "Of the auxiliary head's loss, for stacks of cells.", "X"),
    _of_recipe("drop-path-keep", "ScheduledDropPath: how probably a path of the last cell is kept at the end.", "X"),
    _of_recipe(
        "drop-path-schedule",
        "time-and-depth: the deeper a cell, the more of its paths are dropped (released code). time: of all cells alike "
        "(paper).",
    ),
    _of_recipe("dropout", "How probably a feature before the classifier is dropped.", "X"),
    _of_recipe("average-decay", "Score with a running mean of the parameters that keeps X of itself.", "X"),
    _of_recipe("precision", "mixed: activations in bfloat16 where the device has it, parameters in float32."),
)

MOMENTUM = Flag(
    name="momentum",
    type=float,
    panel=HOW,
    metavar="X",
    help="Of the optimizers that have one.",
    at_least=0,
    below=1,
    recorded="child.roles.optimizer.value.momentum",
)
"""Of what stands in the role of the optimizer."""

RECIPE_FIELDS = tuple(row.attribute for row in RECIPE)
"""The fields of a recipe that flags change."""

RUN_ROWS = (
    Flag(name="out", type=Path, panel=RUN, metavar="DIR", help="Its directory. [default: runs/train-<time>]"),
    Flag(name="resume", type=bool, default=False, panel=RUN, help="Continue the training in --out."),
    Flag(
        name="resume-or-start",
        type=bool,
        default=False,
        panel=RUN,
        help="Continue what is in --out, or start it there: the same command each time, safe in a loop.",
    ),
    Flag(name="overwrite", type=bool, default=False, panel=RUN, help="Replace the training in --out."),
    Flag(
        name="config",
        type=Path,
        panel=RUN,
        metavar="FILE.toml|TRAINING",
        help="A file of flags by name, such as epochs = 60; flags on the command line win. Or a training, to train anew.",
    ),
    Flag(
        name="write-config",
        type=Path,
        panel=RUN,
        metavar="FILE.toml",
        help="Write these flags, or those of the training in --config, to a new file for --config, and train nothing.",
    ),
    Flag(name="dry-run", type=bool, default=False, panel=RUN, help="Say what would be done and how long it may take."),
    Flag(name="quiet", short="q", type=bool, default=False, panel=RUN, help="No progress, only errors."),
    Flag(
        name="tensorboard",
        type=bool,
        default=False,
        panel=RUN,
        help="Write the curves for TensorBoard too, into tensorboard/ of its directory.",
    ),
    Flag(name="json", type=bool, default=False, panel=GENERAL, help="One JSON document on stdout, and nothing else."),
)
"""About the run and not about the training."""


@cache
def training_rows() -> tuple[Flag, ...]:
    """Return the rows about the training itself: what a request may hold."""
    return (*SUBJECT, *EXAMPLES, *problem_rows(DATA), *COURSE, *RECIPE, *role_rows(HOW, recorded="child.roles"), MOMENTUM)


def rows_in_files() -> tuple[Flag, ...]:
    """Return the rows that a file of flags may hold."""
    return (*NAMING, *training_rows())


def train_flags() -> tuple[Flag, ...]:
    """Return the rows of the command, in the order of its help."""
    return (*NAMING, *training_rows(), *RUN_ROWS)

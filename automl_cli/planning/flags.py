"""The flags of searches, one row each, in the order of the help.

A new flag of all searches is a row here and the place that uses it, as `request.<attribute>`. The signature of the command, the
configuration file, the bounds and what a resumed run may be told follow from the row. Evaluators declare rows of their own, and
kinds that fill roles of a child have one each.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache

import msgspec

from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.flags import Flag, said_or_none
from automl_cli.core.rewards import LARGEST_EXPONENT
from automl_cli.planning.augment_flags import AUGMENT
from automl_cli.planning.fidelity_flags import AFTER_SEARCH, FIDELITY
from automl_cli.planning.memory import MEMORY_LIMIT
from automl_cli.planning.network_flags import network_rows
from automl_cli.planning.run_flags import RUN_ROWS
from automl_cli.planning.transfer_flags import TRANSFER
from automl_cli.planning.worker_flags import WORKERS
from automl_cli.plugins.listing import problem_rows
from automl_cli.plugins.registry import EVALUATORS, STRATEGIES, Table
from automl_cli.references import role_rows

WHAT, HOW = "What is searched", "How it is searched"
ROLES = "What else children are made of"

SPACE = (
    Flag(
        name="preset",
        type=str,
        panel=WHAT,
        metavar="quick|paper",
        help="quick: two minutes on two cores. paper: the paper's own setting. [default: quick]",
        recorded="preset",
    ),
    Flag(
        name="space",
        type=str,
        panel=WHAT,
        metavar="NAME|FILE.py",
        help="What is searched; see `automl spaces`.",
        recorded="space.name",
    ),
    Flag(
        name="space-option",
        type=dict,
        panel=WHAT,
        metavar="NAME=VALUE",
        help="An option of the space; may be given more than once.",
        recorded="space.options",
    ),
)

DATA = (
    Flag(
        name="dataset",
        type=str,
        panel=WHAT,
        metavar="NAME|PATH",
        help="A name, a folder of class folders, a .csv or an .npz file; see `automl datasets`. [default: digits]",
        recorded="child.problem.dataset.source",
        of_children=True,
    ),
    Flag(
        name="data-dir",
        type=str,
        panel=WHAT,
        metavar="DIR",
        help="Where prepared TFDS data sets are. [default: TFDS_DATA_DIR, then TFDS's own]",
        recorded="child.problem.dataset.data_dir",
    ),
    Flag(
        name="train-examples",
        type=int,
        panel=WHAT,
        metavar="N",
        help="Take N training examples, drawn by class.",
        at_least=1,
        recorded="child.problem.dataset.train_examples",
        of_children=True,
    ),
)

LIMITS = (
    Flag(
        name="max-parameters",
        type=int,
        panel=WHAT,
        metavar="N",
        help="Larger networks are not trained.",
        at_least=1,
        recorded="limits.max_parameters",
        of_children=True,
    ),
    Flag(
        name="max-multiply-adds",
        type=int,
        panel=WHAT,
        metavar="N",
        help="Costlier networks are not trained.",
        at_least=1,
        recorded="limits.max_multiply_adds",
        of_children=True,
    ),
)

SEARCH = (
    Flag(
        name="strategy",
        type=str,
        panel=HOW,
        metavar="NAME",
        help="How networks are proposed: {names}; see `automl strategies`. Or auto. [default: the preset's]",
        recorded="strategy",
    ),
    Flag(
        name="strategy-option",
        type=dict,
        panel=HOW,
        metavar="NAME=VALUE",
        help="An option of the strategy; may be given more than once. See `automl strategies NAME`.",
        recorded="strategy_settings",
    ),
    Flag(
        name="start-from",
        type=list,
        panel=HOW,
        metavar="ARTIFACT|RUN|NAME",
        help="What the search starts from: an earlier run, whose trials it is told first, or a cell, …; more than once.",
        recorded="strategy_settings.start_from",
    ),
    Flag(
        name="warm-start",
        type=str,
        panel=HOW,
        choices=("costs", "none"),
        help="costs: begin with the costliest of many uniform networks, where costs are known and the strategy can.",
        recorded="warm_start.by",
        as_recorded=said_or_none,
    ),
    Flag(
        name="replicates",
        type=int,
        panel=HOW,
        metavar="N",
        help="Measure what looks best again, until it has N seeds: by a third of the trials at most. [default: one seed each]",
        at_least=2,
        recorded="replication.seeds",
    ),
    Flag(
        name="trials",
        type=int,
        panel=HOW,
        metavar="N",
        help="How many networks are proposed.",
        at_least=1,
        recorded="trials",
        changeable=True,
    ),
    *FIDELITY,
    Flag(
        name="reward-exponent",
        type=float,
        panel=HOW,
        metavar="X",
        help="The reward is the score to this power.",
        above=0,
        at_most=LARGEST_EXPONENT,
        recorded="reward.exponent",
    ),
    *AFTER_SEARCH,
    Flag(
        name="reuse",
        type=bool,
        negatable=True,
        panel=HOW,
        help="Whether a network that is proposed again takes its earlier score.",
        recorded="reuse",
    ),
    Flag(
        name="seed",
        type=int,
        panel=HOW,
        metavar="N",
        help="Root of everything random; the same seed finds the same. [default: 0]",
        at_least=0,
        recorded="seed",
    ),
    Flag(
        name="in-flight",
        type=int,
        panel=HOW,
        metavar="W",
        help="How many are proposed before the first is scored, in whole minibatches: unlike --workers, part of the search.",
        at_least=1,
        recorded="in_flight",
    ),
    Flag(
        name="evaluator",
        type=str,
        panel=HOW,
        metavar="NAME|FILE.py:FUNCTION",
        help="How a network is scored: {names}; see `automl evaluators`; or a function of your own. [default: trained, which "
        "trains it]",
        recorded="evaluator.name",
    ),
    Flag(
        name="evaluator-option",
        type=dict,
        panel=HOW,
        metavar="NAME=VALUE",
        help="An option of the evaluator; may be given more than once. See `automl evaluators NAME`.",
        recorded="evaluator.settings",
    ),
)

DEFAULT_SPACES: Mapping[str, str] = {
    "search-arch": "cnn",
    "search-cell": "nasnet",
    "search-activation": "activation-units",
    "search-optimizer": "update-rules",
    "search-augment": "autoaugment",
}
"""The space that each command searches unless told otherwise."""

OF_COMMANDS: Mapping[str, Callable[[], tuple[Flag, ...]]] = {
    "search-cell": lambda: TRANSFER,
    "search-activation": network_rows,
    "search-augment": lambda: (*network_rows(), *AUGMENT),
    "search-optimizer": network_rows,
}
"""Rows that only some of the commands have."""


@cache
def search_rows() -> tuple[Flag, ...]:
    """Return the rows about the search itself, of all commands: what a request or a file of flags may hold."""
    more = {row.name: row for rows in OF_COMMANDS.values() for row in rows()}
    return (*_shared_rows(), *more.values())


def flags_of(command: str) -> tuple[Flag, ...]:
    """Return the rows of a search command, in the order of its help."""
    of_command = OF_COMMANDS[command]() if command in OF_COMMANDS else ()
    return (*_shared_rows(), *of_command, *RUN_ROWS)


def flag_named(name: str) -> Flag:
    """Return the row of this name among `search_rows`. Raises UserError where there is none."""
    rows = {row.name: row for row in search_rows()}
    if name not in rows:
        raise unknown_name("flag", name, rows)
    return rows[name]


@cache
def _shared_rows() -> tuple[Flag, ...]:
    roles = role_rows(ROLES, recorded="child.roles", of_children=True)
    of_problems = problem_rows(WHAT, of_children=True)
    search = (_with_names(row, TABLES[row.name]) if row.name in TABLES else row for row in SEARCH)
    return (*SPACE, *DATA, *of_problems, *LIMITS, *roles, *search, *_evaluator_rows(), *WORKERS, MEMORY_LIMIT)


TABLES = {"strategy": STRATEGIES, "evaluator": EVALUATORS}
"""Flags whose help names the rows of a table."""


def _with_names(row: Flag, table: Table) -> Flag:
    """Return the row with the names of the table in its help."""
    return msgspec.structs.replace(row, help=row.help.format(names=", ".join(_names(table))))


def _names(table: Table) -> tuple[str, ...]:
    """Return the names of a table, or only the built-in ones where an installed package hides one of them."""
    try:
        return table.names()
    except UserError:
        return table.built_in


def _evaluator_rows() -> Iterator[Flag]:
    """Yield the flags of all evaluators that can be loaded. Naming another one is refused with the reason."""
    for name in _names(EVALUATORS):
        with suppress(UserError):
            yield from EVALUATORS.load(name).flags

"""The flags of `automl compare`, one row each, in the order of the help."""

from functools import cache
from pathlib import Path

import msgspec

from automl_cli.core.flags import GENERAL, Flag, Request
from automl_cli.planning.flags import DATA, SEARCH, SPACE
from automl_cli.planning.network_flags import network_rows
from automl_cli.planning.worker_flags import WORKERS
from automl_cli.plugins.listing import kinds_of_role, problem_rows
from automl_cli.references import role_flags, role_rows
from automl_cli.values.analytic_problems import ANALYTIC_PROBLEMS

WHAT, ON, HOW, RUN = "What is compared", "What is trained", "How it is compared", "The comparison"

ANALYTIC = Flag(
    name="problem",
    type=str,
    panel=ON,
    metavar="|".join(ANALYTIC_PROBLEMS),
    choices=tuple(ANALYTIC_PROBLEMS),
    help="For --optimizer: minimise a function instead of training a network.",
)

TRIALS = (
    Flag(
        name="learning-rates",
        type=str,
        panel=HOW,
        metavar="A,B,C",
        help="Each value is trained at its best of these. [default: 1e-5 to 10 for optimizers; 0.1 to 3 times the recipe's]",
        recorded="learning_rates",
    ),
    Flag(
        name="epochs",
        type=int,
        panel=HOW,
        metavar="N",
        help="How long each training is. [default: that of the search]",
        at_least=1,
        recorded="epochs",
    ),
    Flag(
        name="seeds",
        type=int,
        panel=HOW,
        metavar="N",
        help="Trainings of each value at its best rate. [default: 5]",
        at_least=1,
        recorded="seeds",
    ),
)

RUN_ROWS = (
    Flag(name="out", type=Path, panel=RUN, metavar="DIR", help="Its directory. [default: runs/compare-<time>]"),
    Flag(name="resume", type=bool, default=False, panel=RUN, help="Continue the comparison in --out."),
    Flag(name="overwrite", type=bool, default=False, panel=RUN, help="Replace the comparison in --out."),
    Flag(name="image", type=Path, panel=RUN, metavar="FILE.svg|.png", help="Draw the plot into this file, too."),
    Flag(name="dry-run", type=bool, default=False, panel=RUN, help="Say what would be done and how long it may take."),
    Flag(name="quiet", short="q", type=bool, default=False, panel=RUN, help="No progress, only warnings and errors."),
    Flag(name="json", type=bool, default=False, panel=GENERAL, help="One JSON document on stdout, and nothing else."),
)
"""About the run and not about the comparison."""


def compared_flags() -> tuple[str, ...]:
    """Return the flags of the roles whose values are compared: those that a search fills, other than the network."""
    return tuple(flag for flag, role in role_flags().items() if any(kind.is_found for kind in kinds_of_role(role)))


@cache
def comparison_rows() -> tuple[Flag, ...]:
    """Return the rows about the comparison itself: what a request may hold."""
    shared = {row.name: row for row in (*SPACE, *DATA, *SEARCH, *WORKERS)}
    roles = (
        msgspec.structs.replace(row, metavar=f"{row.metavar},…", help=f"Several are compared, one fills its role. {row.help}")
        if row.name in compared_flags()
        else msgspec.structs.replace(row, panel=ON)
        for row in role_rows(WHAT, recorded="child.roles")
    )
    network = (msgspec.structs.replace(row, panel=ON, of_children=False) for row in network_rows())
    data = (msgspec.structs.replace(shared[name], panel=ON, of_children=False) for name in _DATA)
    preset = msgspec.structs.replace(
        shared["preset"], panel=ON, help="Data, network and recipe: those of the search for such values. [default: quick]"
    )
    seed = msgspec.structs.replace(shared["seed"], panel=HOW)
    return (*roles, ANALYTIC, preset, *network, *data, *problem_rows(ON), *TRIALS, seed, shared["executor"], shared["workers"])


_DATA = ("dataset", "data-dir", "train-examples")


class ComparisonRequest(Request, rows=comparison_rows):
    """A request for a comparison: `ComparisonRequest(optimizer="sgd,adam", seeds=3)`."""


def comparison_flags() -> tuple[Flag, ...]:
    """Return the rows of the command, in the order of its help."""
    return (*comparison_rows(), *RUN_ROWS)

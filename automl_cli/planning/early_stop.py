"""Settle whether children are stopped early, and after how many epochs: `--early-stop`."""

from collections.abc import Mapping
from typing import Any, Final

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EvaluatorFactory
from automl_cli.planning.request import SearchRequest
from automl_cli.store.study import EarlyStop

ASHA: Final = "asha"

FACTOR = 3
"""The best of so many go on to the next rung, for so many times the epochs, as in Hyperband (arXiv 1603.06560)."""

MOST_RUNGS = 3
"""The first rung has a ninth of all epochs at least: the scores of shorter trainings say little about those of the whole."""


def early_stop_of(
    request: SearchRequest, factory: EvaluatorFactory, settings: Mapping[str, Any], *, epochs: int, reuse: bool
) -> EarlyStop | None:
    """Return which trainings are stopped early. `settings` are those of the evaluator.

    Raises UserError where that cannot be: for too few epochs, where several children are scored together, and for replicates
    of what was trained for different times.
    """
    if request.early_stop != ASHA:
        return None
    if len(rungs := rungs_for(epochs)) < 2:
        raise UserError(
            f"--early-stop {ASHA} stops children after a third of their epochs, so that fewer "
            f"than {FACTOR} are too few, and --epochs is {epochs}; give --epochs {FACTOR} or more, or leave it out"
        )
    if (together := factory.together(settings)) > 1:
        raise UserError(
            f"--early-stop {ASHA} trains each child by itself, for as long as it is worth, and here {together} are scored "
            "together; leave it out, or have one scored at a time"
        )
    if request.replicates and not reuse:
        raise UserError(
            f"with --early-stop {ASHA} and --no-reuse the seeds of a network may be trained for different times, so that "
            "--replicates has no mean of them; leave one of the three out"
        )
    return EarlyStop(by=ASHA, rungs=rungs, factor=FACTOR)


def rungs_for(epochs: int) -> tuple[int, ...]:
    """Return the epochs of the rungs, the fewest first: each has a third of the next, rounded down, and three are the most.

    >>> rungs_for(9), rungs_for(4), rungs_for(50), rungs_for(2)
    ((1, 3, 9), (1, 4), (5, 16, 50), (2,))
    """
    return tuple(found for rung in reversed(range(MOST_RUNGS)) if (found := epochs // FACTOR**rung) > 0)

"""Score children by a function of the user's own: `--evaluator FILE.py:FUNCTION`, or a function given from Python.

The function takes a `ProposedChild` and returns its score, the higher the better unless the reward of the space says otherwise.
`own_function` says how it is named and found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any

import msgspec

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.flags import Flag
from automl_cli.core.plugin_calls import type_in_words
from automl_cli.core.protocols import Diverged, EvaluationRequest, EvaluatorSetup, Report, SecondsEstimate
from automl_cli.core.settings import NoOptions
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, EvaluatorSpec, Measurement, Task
from automl_cli.evaluators.own_function import OwnFunction, imported, own_function
from automl_cli.evaluators.proposed_child import ProposedChild, child_costs, data_of
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.plugins.discovery import open_space
from automl_cli.plugins.listing import kind_named, standing_kind
from automl_cli.store.encoding import plain
from automl_cli.values.child import Child

NAME = "own"
"""The name of the evaluator in records. Nobody gives it: the function is named instead."""

SCORE = "score"
"""The key of the score where a function returns metrics beside it."""


class OwnEvaluator:
    """Asks a function of the user's own for the score of each child."""

    summary = "Asks a function of your own, FILE.py:FUNCTION, for the score."
    trains = True
    trains_baseline = False
    instant = False
    unused: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    options = NoOptions
    settings = OwnFunction

    @staticmethod
    def resolve(request: EvaluationRequest) -> dict[str, Any]:
        """Return the function with the digest of its source. Raises UserError where there is none."""
        return dict(plain(own_function(request.given["evaluator"])))

    @staticmethod
    def check(setup: EvaluatorSetup) -> None:
        """Raise DataError where the data set is no longer what it was. The source is checked where it is given again."""
        if setup.child is not None:
            TrainedEvaluator.check(setup)

    @staticmethod
    def prepare(setup: EvaluatorSetup, report: Report) -> None:
        """Do nothing: a function that asks for data has them prepared then."""

    @staticmethod
    def together(settings: Mapping[str, Any]) -> int:
        """Return 1: each child is scored by itself."""
        return 1

    @staticmethod
    def noisy(settings: Mapping[str, Any]) -> bool:
        """Return True: a function may use the seed of a child."""
        return True

    @staticmethod
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        """Return the exact costs of the child, where the search has data and something stands in a role."""
        return child_costs(space, _child(setup), genotype)

    @staticmethod
    def sizes(setup: EvaluatorSetup, space: SearchSpace) -> Callable[[Genotype], float] | None:
        """Return the multiply-adds of the network, where the search has data and networks are searched; else None."""
        if _child(setup) is None or standing_kind(kind_named(space.plugin.produces)).role != "network":
            return None
        return TrainedEvaluator.sizes(setup, space)

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        """Yield the function, and the data set that it is given."""
        child = _child(setup)
        yield "measured by", f"the function {_function(setup).reference}"
        if child is not None:
            yield "data set", child.problem.source

    @staticmethod
    def seconds(
        setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype], *, trials: int, epochs: int
    ) -> SecondsEstimate | None:
        """Return None: nobody knows how long a function takes."""
        return None

    def __init__(self, setup: EvaluatorSetup) -> None:
        self._space = open_space(setup.space)
        self._child = _child(setup)
        self._data = cache(partial(data_of, self._child))
        self._function = imported(_function(setup))

    def evaluate(self, task: Task) -> Measurement:
        """Return what the function says of the child, with the exact costs among the metrics.

        Raises Diverged for a score or a metric that is not finite, TypeError for what is no score.
        """
        child = ProposedChild(self._space, self._child, task, self._data)
        scores, metrics = scored(self._function(child))
        if len(scores) not in (1, task.epochs):
            raise TypeError(
                f"the evaluator returned {len(scores)} scores; give one for each of {task.epochs} epochs, or one in all"
            )
        costs = {} if child.costs is None else msgspec.structs.asdict(child.costs)
        return Measurement(scores=scores, metrics={**metrics, **costs})


def scored(returned: Any) -> tuple[tuple[float, ...], dict[str, int | float]]:
    """Return the scores and the metrics that a function returned: a number, one for each epoch, or a mapping with "score".

    >>> scored(0.5), scored([0.25, 0.5]), scored({"score": 0.5, "latency_ms": 3})
    (((0.5,), {}), ((0.25, 0.5), {}), ((0.5,), {'latency_ms': 3}))
    """
    metrics: dict[str, int | float] = {}
    if isinstance(returned, Mapping):
        if SCORE not in returned:
            raise TypeError(f'the evaluator returned {sorted(map(str, returned))}, and no "{SCORE}" among them')
        metrics = {str(name): _number(value, str(name)) for name, value in returned.items() if name != SCORE}
        returned = returned[SCORE]
    listed = returned if isinstance(returned, list | tuple) else [returned]
    if not listed:
        raise TypeError("the evaluator returned an empty list; give one score for each epoch, or one in all")
    return tuple(float(_number(score, SCORE)) for score in listed), metrics


def _number(value: Any, name: str) -> int | float:
    """Return a number of Python for one of Python, NumPy, JAX or PyTorch."""
    if isinstance(value, str | bytes | None) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise TypeError(f"the evaluator returned {type_in_words(value)} as {name}; give a number")
    number = int(value) if isinstance(value, int) else float(value)
    if not math.isfinite(number):
        raise Diverged(f"{name} is {number}")
    return number


def given_again(recorded: EvaluatorSpec, reference: str | None) -> EvaluatorSpec:
    """Return the evaluator of a study with the function that the user gives now in place of the recorded one, which is never
    imported. Raises UserError where none is given, or another one, or the source has changed."""
    before = msgspec.convert(recorded.settings, OwnFunction)
    again = f"give it again: --evaluator {before.reference}"
    if before.is_here:
        again = f"give it again to automl_cli.search, in Python: evaluator={before.function}, resume=True"
    if reference is None:
        raise UserError(f"this run is scored by a function of your own, {before.function!r}; {again}")
    now = own_function(reference)
    if now.function != before.function:
        raise UserError(
            f"--evaluator {reference} is not what this run was started with ({before.function!r}); {again}, or start a new run"
        )
    if now.digest != before.digest:
        raise UserError(
            f"the source of evaluator {before.function!r} in {now.file or now.module or 'this process'} has changed since this "
            "run was started, so that its scores could not be compared. Put the source back, or start a new run with another "
            "--out; --start-from takes the winner along"
        )
    return EvaluatorSpec(recorded.name, dict(plain(now)))


def _function(setup: EvaluatorSetup) -> OwnFunction:
    return msgspec.convert(setup.evaluator.settings, OwnFunction)


def _child(setup: EvaluatorSetup) -> Child | None:
    return None if setup.child is None else msgspec.convert(setup.child, Child)

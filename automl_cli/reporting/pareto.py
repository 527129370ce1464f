"""The Pareto front of score against length: which longer formula is worth its length."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from automl_cli.core.rewards import ranked
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Status, Trial
from automl_cli.plugins.listing import kind_named
from automl_cli.reporting.runs import History, space_of
from automl_cli.store.reports import ParetoPoint
from automl_cli.values.sheet import Grid

P = TypeVar("P")

LEAST_LENGTH = 1
"""No value is shorter, so none that scores less than one of this length is on the front."""

TITLE = "best of its length, better than all shorter"
"""The title of the column that says what was found."""


def front(points: Iterable[P], *, length: Callable[[P], float], reward: Callable[[P], float]) -> Iterator[P]:
    """Yield the points that no other one beats, which would be at most as long and at least as good; the shortest comes first.

    Of points that are equal in both, the first stays.

    >>> list(front([(3, 0.5), (1, 0.2), (2, 0.2), (4, 0.7)], length=lambda point: point[0], reward=lambda point: point[1]))
    [(1, 0.2), (3, 0.5), (4, 0.7)]
    """
    best = None
    for point in sorted(points, key=lambda point: (length(point), -reward(point))):
        if best is None or reward(point) > best:
            best = reward(point)
            yield point


def pareto_of(history: History) -> tuple[ParetoPoint, ...] | None:
    """Return the front of the trials of a run so far; None where its values have no length, or where its space is not known."""
    space, reward = space_of(history.settings), history.settings.reward
    if space is None or (kind := kind_named(space.plugin.produces)).length is None:
        return None
    lengths, words = kind.length, kind.words or (lambda value: ())
    found = []
    for trial, value in _shortening(history, space, lengths):
        measurement = trial.outcome.measurement
        assert measurement is not None
        point = ParetoPoint(
            length=lengths(value), score=reward.score(measurement), trial=trial.number, words="; ".join(words(value))
        )
        found.append((point, reward.of(measurement)))
    best = front(found, length=lambda pair: pair[0].length, reward=lambda pair: pair[1])
    return tuple(point for point, _ in best)


def _shortening(history: History, space: SearchSpace, length: Callable[[Any], int]) -> Iterator[tuple[Trial, Any]]:
    """Yield the trials, with their values, that are shorter than all better ones: the front, and what is as good as a part of
    it.

    Decoding is slow, so it ends at the least length that a value can have.
    """
    shortest = None
    reward = history.settings.reward
    for trial in sorted(_scored(history), key=lambda trial: (-ranked(reward, trial.outcome.measurement), trial.number)):
        value = space.decode(trial.task.genotype)
        if shortest is None or length(value) < shortest:
            shortest = length(value)
            yield trial, value
        if shortest == LEAST_LENGTH:
            return


def pareto_grid(points: Iterable[ParetoPoint]) -> Grid:
    """Return the front as a table."""
    rows = tuple((str(point.length), f"{point.score:.4f}", str(point.trial), point.words) for point in points)
    return Grid(("length", "score", "trial", TITLE), rows, words=(TITLE,))


def _scored(history: History) -> Iterator[Trial]:
    """Yield the trials with a score of their own; where children are stopped early, those that were trained longest."""
    scored = [trial for trial in history.trials if trial.outcome.status is Status.OK and trial.reused is None]
    longest = max((trial.task.epochs for trial in scored), default=0)
    return (trial for trial in scored if trial.task.epochs == longest)

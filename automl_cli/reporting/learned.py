"""Reads off what a strategy learned: how sure it was of every decision after so many trials.

A strategy that can be read (`core.protocols.LegibleStrategy`) is told the trials of the journal again, and read at some
moments: a policy gives draws, evolution its population. Of the others, and where telling all trials again would take long, what
was proposed lately is read in place of it. Either way the same journal gives the same figures.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from automl_cli.core.decisions import DecisionList
from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import LegibleStrategy, Strategy
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal, Trial
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.reporting.runs import BASELINE, History, settled
from automl_cli.strategies.replicates import Replicating
from automl_cli.study.proposals import window
from automl_cli.study.session import make_strategy

MOMENTS = 24
"""The strategy is read so often, evenly over its trials."""
MOST_TOLD_AGAIN = 60_000
"""Decisions of the trials that a strategy is told again: some three seconds of a policy."""
FEWEST_TRIALS = 8
"""In fewer there is nothing to see."""


class Snapshot(NamedTuple):
    """A reading after so many trials: bits of entropy, those of uniform draws, and for each decision the share of each of
    its choices."""

    trials: int
    entropy: float
    uniform: float
    shares: tuple[tuple[float, ...], ...]


class Learned(NamedTuple):
    """All readings of a strategy, what was read in words, and the decisions that it is about. `by_itself` says that entropy was
    summed over decisions, each by itself."""

    what: str
    decisions: DecisionList
    snapshots: tuple[Snapshot, ...]
    by_itself: bool
    note: str = ""


def learned_of(history: History, space: SearchSpace | None) -> Learned | None:
    """Return what the strategy of a run learned; None for one that does not learn, and where there is nothing to see."""
    trials = history.trials[: settled(history.trials)]
    if space is None or len(trials) < FEWEST_TRIALS:
        return None
    try:
        strategy: Any = make_strategy(history.settings, space)
    except UserError as error:
        return _proposed(space, trials, note=f"The strategy itself cannot be asked here: {error}. ")
    if isinstance(strategy.strategy if isinstance(strategy, Replicating) else strategy, LegibleStrategy):
        work = sum(len(trial.task.genotype) for trial in trials)
        if work <= MOST_TOLD_AGAIN:
            return _told_again(strategy, history, space, trials)
        left_out = f"The strategy itself was not asked: telling it {counted(len(trials), 'trial')} again would take long. "
        return _proposed(space, trials, note=left_out)
    name = history.settings.strategy
    learns = name != BASELINE and not STRATEGIES.load(name).small_spaces_only
    return _proposed(space, trials) if learns else None


def _told_again(strategy: Strategy, history: History, space: SearchSpace, trials: Sequence[Trial]) -> Learned:
    reward, moments, snapshots = history.settings.reward, set(_moments(len(trials), strategy.batch)), []
    again = strategy if isinstance(strategy, Replicating) else None
    read: Any = strategy if again is None else again.strategy
    following, ahead = iter(trials), window(history.settings.in_flight, strategy.batch)
    for trial in trials:
        if again is not None:  # what was asked for while this trial ran, is taken before it is told
            for asked in islice(following, ahead if trial.number == 0 else 1):
                again.follow(asked.number, asked.proposal)
        measurement = trial.outcome.measurement
        strategy.tell(trial.number, trial.proposal, None if measurement is None else reward.of(measurement))
        if trial.number + 1 in moments:
            number = trial.number if again is None else again.last_own
            snapshots.append(_snapshot(space, number, read.read(number))._replace(trials=trial.number + 1))
    has_policy = trials[0].proposal.log_probability is not None
    return Learned(read.reading, space.decisions, tuple(snapshots), by_itself=not has_policy)


def _proposed(space: SearchSpace, trials: Sequence[Trial], note: str = "") -> Learned:
    """Return what was proposed lately, at every moment among as many trials."""
    size = max(FEWEST_TRIALS, len(trials) // MOMENTS)
    snapshots = tuple(
        _snapshot(space, end - 1, [Proposal(trial.task.genotype) for trial in trials[max(0, end - size) : end]])
        for end in _moments(len(trials), 1)
        if end >= size
    )
    return Learned(f"the last {counted(size, 'proposal')}", space.decisions, snapshots, by_itself=True, note=note)


def _moments(trials: int, batch: int) -> Iterator[int]:
    """Yield numbers of trials at which a strategy is read, whole batches: evenly, the last among them.

    >>> list(_moments(10, 5)), list(_moments(3, 1))
    ([5, 10], [1, 2, 3])
    """
    batches = max(1, trials // batch)
    for step in sorted({max(1, round(batches * part / MOMENTS)) for part in range(1, MOMENTS + 1)}):
        yield min(trials, step * batch)


def _snapshot(space: SearchSpace, trial: int, proposals: Sequence[Proposal]) -> Snapshot:
    decisions = space.decisions.decisions[: space.length(trial)]
    shares = []
    for place, decision in enumerate(decisions):
        counts = Counter(one.genotype[place] for one in proposals if place < len(one.genotype))
        total = counts.total() or 1
        shares.append(tuple(counts[index] / total for index in range(len(decision.choices))))
    logs = [one.log_probability for one in proposals if one.log_probability is not None]
    entropy = -sum(logs) / len(logs) / math.log(2) if logs else sum(map(bits, shares))
    uniform = sum(math.log2(len(decision.choices)) for decision in decisions)
    return Snapshot(trial + 1, entropy, uniform, tuple(shares))


def bits(shares: Sequence[float]) -> float:
    """Return the entropy of shares, in bits.

    >>> bits([0.5, 0.5]), bits([1.0, 0.0])
    (1.0, 0.0)
    """
    return -sum(share * math.log2(share) for share in shares if share > 0) + 0.0

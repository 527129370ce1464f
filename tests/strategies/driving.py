"""Drives a strategy through the proposals of a study: the code that runs, without workers, files or a clock."""

from collections.abc import Callable, Iterable

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import Strategy
from automl_cli.core.rewards import Power
from automl_cli.core.trials import Measurement, Outcome, Proposal, Status
from automl_cli.store.journal import Asked, Told
from automl_cli.study.proposals import ProposalQueue
from tests.study.worlds import settings

Reward = Callable[[int, Genotype], float | None]
"""The reward of a trial by its number and its genotype; None: it failed."""


def search_by(strategy: Strategy, trials: int, *, in_flight: int) -> ProposalQueue:
    """A search whose rewards are its scores, in which every trial is measured and any number of them may fail."""
    config = settings(trials=trials, in_flight=in_flight, reuse=False, reward=Power(), max_failures=trials + 1)
    return ProposalQueue(config, strategy)


def driven(
    strategy: Strategy,
    reward: Reward,
    trials: int,
    *,
    in_flight: int = 1,
    asks: int = 1,
    ends: Callable[[int], int] = lambda count: 0,
) -> list[Asked]:
    """The proposals of a study, in order, each asked for `asks` times.

    `ends` says which of so many open trials ends next: the oldest unless told otherwise.
    """
    search = search_by(strategy, trials, in_flight=in_flight)
    proposals: list[Asked] = []
    while search.finished < trials:
        while search.may_ask():
            asked = [search.ask() for _ in range(asks)]
            assert all(again == asked[0] for again in asked)
            search.enter(asked[0])
            proposals.append(asked[0])
        _end(search, sorted(search.open)[ends(len(search.open))], reward)
    return proposals


def replayed(strategy: Strategy, recorded: Iterable[Asked], reward: Reward, trials: int, *, in_flight: int) -> list[Asked]:
    """The proposals of a study that is resumed with these on record, which the strategy is told in place of its own."""
    search = search_by(strategy, trials, in_flight=in_flight)
    proposals: list[Asked] = []
    for record in recorded:
        while not search.may_ask():
            _end(search, min(search.open), reward)
        proposals.append(search.ask())
        search.enter(record)
    return proposals


def genotypes_of(proposals: Iterable[Asked]) -> list[Genotype]:
    """What was proposed."""
    return [asked.genotype for asked in proposals]


def play(strategy: Strategy, reward: Callable[[Genotype], float | None], trials: int, *, in_flight: int = 1) -> list[Proposal]:
    """The proposals of a study in which the reward follows from the genotype alone."""
    asked = driven(strategy, lambda trial, genotype: reward(genotype), trials, in_flight=in_flight)
    return [Proposal(each.genotype, each.log_probability) for each in asked]


def best_after(strategy: Strategy, reward: Callable[[Genotype], float], trials: int, *, in_flight: int = 1) -> float:
    """The highest reward of so many trials."""
    return max(reward(proposal.genotype) for proposal in play(strategy, reward, trials, in_flight=in_flight))


def _end(search: ProposalQueue, trial: int, reward: Reward) -> None:
    asked = search.open[trial]
    value = reward(trial, asked.genotype)
    outcome = Outcome(Status.FAILED, message="a fault") if value is None else Outcome(Status.OK, Measurement((value,)))
    search.settle(Told(trial=trial, stage=asked.stage, outcome=outcome, reused=None, elapsed=0.0))

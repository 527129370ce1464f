"""Laws that hold for every strategy on every kind of space: only `tell` changes state, and nothing else does."""

from collections.abc import Callable, Iterator

import pytest

from automl_cli.core.errors import UserError
from automl_cli.core.plugins import SearchSpace
from automl_cli.core.protocols import Strategy
from automl_cli.core.streams import stream
from automl_cli.core.trials import Proposal
from automl_cli.plugins.discovery import plugin_named
from automl_cli.plugins.registry import STRATEGIES, load
from automl_cli.store.encoding import document, parse
from tests.tables import ROOT, SPACES

TRIALS = 40
IN_FLIGHT = 8
TINY = plugin_named(str(ROOT / "tests" / "tiny_space.py"))[0]
SPACES_TRIED = {
    "small": SearchSpace(TINY, {"layers": 2}),
    "tiny": SearchSpace(TINY),
    "memberships": SPACES["cnn-quick"],
    "growing": SearchSpace(
        plugin_named("cnn")[0], {"layers": 4, "curriculum_start": 2, "curriculum_step": 1, "curriculum_trials": 12}
    ),
}
"""A space that can be visited whole, a plain one, one with set decisions, and one whose genotypes grow during the search."""

FOR_SMALL_SPACES = ("exhaustive",)
"""Strategies that refuse the other spaces."""

SEEDLESS = ("exhaustive",)
"""Strategies that draw nothing."""

every_strategy = pytest.mark.parametrize("name", STRATEGIES)
on_every_kind_of_space = pytest.mark.parametrize("space", SPACES_TRIED.values(), ids=SPACES_TRIED)

Reward = Callable[[int, Proposal], float | None]


def made(name: str, space: SearchSpace, seed: int = 5) -> Strategy:
    """The strategy on this space; the test is skipped, with the reason, where it can only search small ones."""
    strategy = load("strategy", STRATEGIES, name)
    settings = strategy.resolve(TRIALS, {})
    if name in FOR_SMALL_SPACES and space is not SPACES_TRIED["small"]:
        with pytest.raises(UserError) as refused:
            strategy(space, seed=seed, settings=settings)
        pytest.skip(str(refused.value))
    made: Strategy = strategy(space, seed=seed, settings=settings)
    return made


def noise(trial: int, proposal: Proposal) -> float | None:
    """A reward for four trials of five, by the trial's number alone."""
    return None if trial % 5 == 3 else stream(1, "reward", trial).random()


def driven(strategy: Strategy, reward: Reward, *, asks: int = 1) -> Iterator[Proposal]:
    """The proposals of a study with its in-flight window, each asked for `asks` times."""
    window = -(-IN_FLIGHT // strategy.batch) * strategy.batch
    proposals: list[Proposal] = []
    told = 0
    for trial in range(TRIALS):
        last_of_batch = (trial // strategy.batch + 1) * strategy.batch - 1
        while told <= last_of_batch - window:
            strategy.tell(told, proposals[told], reward(told, proposals[told]))
            told += 1
        repeated = [strategy.ask(trial) for _ in range(asks)]
        assert all(proposal == repeated[0] for proposal in repeated)
        proposals.append(repeated[0])
        yield repeated[0]


@every_strategy
@on_every_kind_of_space
def test_proposals_are_genotypes_of_the_right_length_and_asking_changes_nothing(name: str, space: SearchSpace) -> None:
    proposals = list(driven(made(name, space), noise))
    for trial, proposal in enumerate(proposals):
        assert space.decisions.check(proposal.genotype) == proposal.genotype
        assert len(proposal.genotype) == space.length(trial)
        assert all(type(index) is int for index in proposal.genotype)
    assert list(driven(made(name, space), noise, asks=3)) == proposals


@every_strategy
@on_every_kind_of_space
def test_replay_through_json_equals_live(name: str, space: SearchSpace) -> None:
    live = list(driven(made(name, space), noise))
    recorded = parse(document([[proposal.genotype, proposal.log_probability] for proposal in live]), "journal")
    fresh, told = made(name, space), 0
    window = -(-IN_FLIGHT // fresh.batch) * fresh.batch
    for trial, (genotype, log_probability) in enumerate(recorded):
        while told <= (trial // fresh.batch + 1) * fresh.batch - 1 - window:
            proposal = Proposal(tuple(recorded[told][0]), recorded[told][1])
            fresh.tell(told, proposal, noise(told, proposal))
            told += 1
        assert fresh.ask(trial) == Proposal(tuple(genotype), log_probability)


@every_strategy
def test_a_search_without_any_reward_goes_on(name: str) -> None:
    assert len(list(driven(made(name, SPACES_TRIED["small"]), lambda trial, proposal: None))) == TRIALS


@every_strategy
def test_another_seed_is_another_search(name: str) -> None:
    one, other = (list(driven(made(name, SPACES_TRIED["small"], seed), noise)) for seed in (1, 2))
    assert (one == other) == (name in SEEDLESS)


@every_strategy
@pytest.mark.parametrize("trials", [1, 24, 300, 20_000])
def test_resolved_settings_are_complete_and_final(name: str, trials: int) -> None:
    strategy = load("strategy", STRATEGIES, name)
    settings = document(strategy.resolve(trials, {}))
    assert document(strategy.resolve(trials, parse(settings, "settings"))) == settings


@every_strategy
def test_an_unknown_setting_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="'learnin_rate'"):
        load("strategy", STRATEGIES, name).resolve(48, {"learnin_rate": 0.1})

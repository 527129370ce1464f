"""Laws that hold for every strategy on every kind of space: only `tell` changes state, and nothing else does."""

import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EarlierTrial, Strategy, StrategyFactory
from automl_cli.core.random_streams import stream
from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.discovery import plugin_named
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.store.encoding import decode, document, line, parse
from automl_cli.store.journal import Asked
from automl_cli.strategies.replicates import Replicating
from tests.strategies.driving import driven, genotypes_of, replayed
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

every_strategy = pytest.mark.parametrize("name", STRATEGIES.names())
on_every_kind_of_space = pytest.mark.parametrize("space", SPACES_TRIED.values(), ids=SPACES_TRIED)


def made(name: str, space: SearchSpace, seed: int = 5) -> Strategy:
    """The strategy on this space; the test is skipped, with the reason, where it can only search small ones."""
    strategy: StrategyFactory = STRATEGIES.load(name)
    settings = strategy.resolve(TRIALS, {})
    if strategy.small_spaces_only and space is not SPACES_TRIED["small"]:
        with pytest.raises(UserError) as refused:
            strategy(space, seed=seed, settings=settings)
        pytest.skip(str(refused.value))
    return strategy(space, seed=seed, settings=settings)


def noise(trial: int, genotype: Genotype) -> float | None:
    """A reward for four trials of five, by the trial's number alone."""
    return None if trial % 5 == 3 else stream(1, "reward", trial).random()


def proposals_of(strategy: Strategy, *, asks: int = 1) -> list[Asked]:
    """The proposals of a study with noise for rewards."""
    return driven(strategy, noise, TRIALS, in_flight=IN_FLIGHT, asks=asks)


@every_strategy
def test_it_says_what_it_is_in_one_line(name: str) -> None:
    summary = STRATEGIES.load(name).summary
    assert summary.endswith(".")
    assert len(summary) < 100
    assert "\n" not in summary


@every_strategy
@on_every_kind_of_space
def test_proposals_are_genotypes_of_the_right_length_and_asking_changes_nothing(name: str, space: SearchSpace) -> None:
    proposals = proposals_of(made(name, space))
    for trial, proposal in enumerate(proposals):
        assert space.decisions.check(proposal.genotype) == proposal.genotype
        assert len(proposal.genotype) == space.length(trial)
        assert all(type(index) is int for index in proposal.genotype)
    assert proposals_of(made(name, space), asks=3) == proposals


@every_strategy
@on_every_kind_of_space
def test_replay_through_json_equals_live(name: str, space: SearchSpace) -> None:
    live = proposals_of(made(name, space))
    recorded = [decode(line(asked), Asked, "journal") for asked in live]
    assert replayed(made(name, space), recorded, noise, TRIALS, in_flight=IN_FLIGHT) == live


@every_strategy
@on_every_kind_of_space
def test_given_genotypes_come_first_where_it_says_that_it_starts_from_them(name: str, space: SearchSpace) -> None:
    strategy: StrategyFactory = STRATEGIES.load(name)
    given = [list(space.sample(9, trial)) for trial in range(3)]
    if not strategy.starts_from_genotypes:
        with pytest.raises(UserError, match="'start_from'"):
            strategy.resolve(TRIALS, {"start_from": given})
        return
    made = strategy(space, seed=5, settings=strategy.resolve(TRIALS, {"start_from": given}))
    first = [asked.genotype for asked in driven(made, noise, TRIALS, in_flight=IN_FLIGHT)][:3]
    assert [list(genotype) for genotype in first] == given


@every_strategy
@on_every_kind_of_space
def test_what_an_earlier_search_measured_is_replayed_like_the_rest(name: str, space: SearchSpace) -> None:
    if not STRATEGIES.load(name).earlier:
        pytest.skip("it takes nothing from an earlier search")
    earlier = [EarlierTrial(space.sample(9, trial), noise(trial, ())) for trial in range(6)]

    def told() -> Strategy:
        strategy = made(name, space)
        strategy.take_over(earlier)
        return strategy

    live = proposals_of(told())
    for trial, proposal in enumerate(live):
        assert space.decisions.check(proposal.genotype) == proposal.genotype
        assert len(proposal.genotype) == space.length(trial)
    assert proposals_of(told(), asks=3) == live
    recorded = [decode(line(asked), Asked, "journal") for asked in live]
    assert replayed(told(), recorded, noise, TRIALS, in_flight=IN_FLIGHT) == live
    if space.size < 1000:  # in a large one random search meets nothing of it
        assert genotypes_of(live) != genotypes_of(proposals_of(made(name, space)))


@every_strategy
def test_an_earlier_search_without_any_reward_is_taken_as_well(name: str) -> None:
    strategy, space = made(name, SPACES_TRIED["small"]), SPACES_TRIED["small"]
    strategy.take_over([EarlierTrial(space.sample(9, trial), None) for trial in range(3)])
    assert len(driven(strategy, lambda trial, genotype: None, TRIALS, in_flight=IN_FLIGHT)) == TRIALS


@every_strategy
def test_a_search_without_any_reward_goes_on(name: str) -> None:
    strategy = made(name, SPACES_TRIED["small"])
    assert len(driven(strategy, lambda trial, genotype: None, TRIALS, in_flight=IN_FLIGHT)) == TRIALS


@every_strategy
def test_another_seed_is_another_search(name: str) -> None:
    one, other = (genotypes_of(proposals_of(made(name, SPACES_TRIED["small"], seed))) for seed in (1, 2))
    assert (one != other) == STRATEGIES.load(name).draws


@every_strategy
@pytest.mark.parametrize("trials", [1, 24, 300, 20_000])
def test_resolved_settings_are_complete_and_final(name: str, trials: int) -> None:
    strategy = STRATEGIES.load(name)
    settings = document(strategy.resolve(trials, {}))
    assert document(strategy.resolve(trials, parse(settings, "settings"))) == settings


@every_strategy
def test_an_unknown_setting_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="'learnin_rate'"):
        STRATEGIES.load(name).resolve(48, {"learnin_rate": 0.1})


SEEDS, SHARE = 3, 1 / 3


def replicating(name: str, space: SearchSpace) -> Replicating:
    """The strategy, with replicates between its proposals."""
    return Replicating(made(name, space), space, seeds=SEEDS, share=SHARE, reuse=False)


@every_strategy
@on_every_kind_of_space
def test_replicates_leave_the_law_a_share_of_the_trials_and_so_many_seeds(name: str, space: SearchSpace) -> None:
    live = proposals_of(replicating(name, space))
    assert proposals_of(replicating(name, space), asks=3) == live
    recorded = [decode(line(asked), Asked, "journal") for asked in live]
    assert replayed(replicating(name, space), recorded, noise, TRIALS, in_flight=IN_FLIGHT) == live
    again = [asked for asked in live if asked.replicate]
    batch = made(name, space).batch
    assert len(again) <= SHARE * TRIALS
    assert again or batch > 4  # a minibatch of replicates needs as many trials before it as the share says
    before: dict[Genotype, int] = {}
    for asked in live:
        assert space.decisions.check(asked.genotype) == asked.genotype
        assert not asked.replicate or asked.genotype in before
        before[asked.genotype] = before.get(asked.genotype, 0) + 1
    assert all(asked.replicate < SEEDS for asked in again) or batch > 1

"""What each strategy does with the trials of an earlier search, told before its own."""

import pytest

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EarlierTrial, Strategy
from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.discovery import plugin_named
from automl_cli.plugins.registry import STRATEGIES
from automl_cli.strategies.exhaustive import numbered
from automl_cli.strategies.policy_search import PolicySearch
from tests.strategies.driving import driven, genotypes_of
from tests.tables import ROOT

SPACE = SearchSpace(plugin_named(str(ROOT / "tests" / "tiny_space.py"))[0])
ALL = [numbered(SPACE.decisions, number) for number in range(SPACE.size)]
TRIALS = 20


def worth(genotype: tuple[int, ...]) -> float:
    return sum(genotype) / 8


def told(name: str, genotypes: list[tuple[int, ...]], **given: object) -> Strategy:
    factory = STRATEGIES.load(name)
    strategy = factory(SPACE, seed=1, settings=factory.resolve(TRIALS, given))
    strategy.take_over([EarlierTrial(genotype, worth(genotype)) for genotype in genotypes])
    return strategy


def proposed(strategy: Strategy, trials: int = TRIALS) -> list[tuple[int, ...]]:
    return genotypes_of(driven(strategy, lambda trial, genotype: worth(genotype), trials))


@pytest.mark.parametrize("name", ["random", "local-search", "surrogate", "reinforce", "ppo", "evolution"])
def test_nothing_is_proposed_again_while_there_is_anything_else(name: str) -> None:
    earlier = ALL[::2]
    given = {"exploration": 2.0} if name in ("reinforce", "ppo") else {}
    again = set(earlier) & set(proposed(told(name, earlier, **given)))
    assert len(again) <= (3 if given else 0)  # a policy draws again eight times at most


def test_exhaustive_visits_what_is_left_and_needs_trials_for_no_more() -> None:
    factory, earlier = STRATEGIES.load("exhaustive"), ALL[5:]
    strategy = factory(SPACE, seed=1, settings=factory.resolve(5, {"seen": len(earlier)}))
    strategy.take_over([EarlierTrial(genotype, 0.0) for genotype in earlier])
    assert proposed(strategy, 5) == ALL[:5]
    with pytest.raises(UserError, match="Give --trials 5, or search with another strategy"):
        factory(SPACE, seed=1, settings=factory.resolve(4, {"seen": len(earlier)}))
    with pytest.raises(UserError, match="has nothing to visit: the search that --start-from names measured all 81 genotypes"):
        factory(SPACE, seed=1, settings=factory.resolve(4, {"seen": 81}))


def test_evolution_mutates_the_best_of_them_from_the_first_trial_on() -> None:
    best, second, *others = [(2, 2, 2, 1), (2, 2, 1, 1), (0, 0, 0, 0), (0, 0, 0, 1), (0, 1, 0, 0)]
    strategy = told("evolution", [best, *others, second], population_size=2, tournament_size=8)
    first = strategy.ask(0).genotype
    assert sum(one != other for one, other in zip(first, best, strict=True)) == 1


def test_local_search_climbs_from_the_best_of_them() -> None:
    strategy = told("local-search", [(0, 0, 0, 0), (2, 2, 2, 1), (1, 1, 1, 1)])
    first = [strategy.ask(trial).genotype for trial in range(3)]
    assert all(sum(one != other for one, other in zip(each, (2, 2, 2, 1), strict=True)) == 1 for each in first)
    assert len(set(first)) == 3


def test_the_surrogate_has_a_model_before_the_first_trial() -> None:
    """It finds the optimum of a sum at once where it knows half of the space, and not where it knows nothing."""
    knowing = proposed(told("surrogate", [genotype for genotype in ALL if max(genotype) < 2 or sum(genotype) < 5]), 6)
    unknowing = proposed(told("surrogate", []), 6)
    assert max(map(worth, knowing)) == 1.0 > max(map(worth, unknowing))


def test_a_policy_remembers_the_best_and_starts_its_baseline_but_takes_no_gradient_of_draws_of_another() -> None:
    strategy = told("ppo", ALL[40:], queue_size=2)
    assert isinstance(strategy, PolicySearch)
    assert [worth(genotype) for genotype in strategy._queue.genotypes] == [1.0, 0.875]
    assert strategy._baseline.advantages([2.0]) == [pytest.approx(1 - 1 / 42)]
    assert strategy._minibatch == []
    fresh = told("ppo", [], queue_size=2)
    assert isinstance(fresh, PolicySearch)
    assert strategy._policy.draw([[0.5] * 4], [4]) == fresh._policy.draw([[0.5] * 4], [4])

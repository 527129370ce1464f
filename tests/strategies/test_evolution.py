"""Aging evolution against the paper's algorithm, and what it adds to it."""

from collections import deque
from random import Random

import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.random_streams import stream
from automl_cli.core.trials import Proposal
from automl_cli.strategies.evolution import Evolution, Member, best, fit, worst
from tests.strategies.driving import best_after, play
from tests.strategies.worlds import flat, make, noisy_bits, one_max, space_of

BITS = space_of(flat(12, 2))
PAPER = {"population_size": 8, "tournament_size": 3, "avoid_repeats": 0}


def distance(one: Genotype, other: Genotype) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def plain_evolution(trials: int, *, seed: int, population: int, sample: int) -> list[Genotype]:
    """The paper's pseudocode, with the streams of the package."""
    queue: deque[Genotype] = deque()
    history: list[Genotype] = []
    while len(queue) < population:
        queue.append(BITS.sample(seed, len(history)))
        history.append(queue[-1])
    while len(history) < trials:
        drawn = stream(seed, "tournament", len(history)).choices(range(population), k=sample)
        parent = queue[max(drawn, key=lambda at: (one_max(queue[at]), at))]
        queue.append(BITS.mutate(parent, stream(seed, "mutation", len(history))))
        history.append(queue[-1])
        queue.popleft()
    return history


def test_one_at_a_time_it_is_the_papers_algorithm() -> None:
    strategy = make("evolution", BITS, trials=100, seed=3, **PAPER)
    found = [proposal.genotype for proposal in play(strategy, one_max, 100)]
    assert found == plain_evolution(100, seed=3, population=8, sample=3)


def test_children_differ_from_one_of_the_last_population_in_one_decision() -> None:
    strategy = make("evolution", BITS, trials=60, **PAPER)
    history = [proposal.genotype for proposal in play(strategy, one_max, 60)]
    for trial in range(8, 60):
        assert 1 in {distance(history[trial], parent) for parent in history[trial - 8 : trial]}
    assert history[:8] == [BITS.sample(0, trial) for trial in range(8)]


def test_in_flight_children_come_from_the_population_as_told() -> None:
    strategy = make("evolution", BITS, trials=60, **PAPER)
    history = [proposal.genotype for proposal in play(strategy, one_max, 60, in_flight=5)]
    for trial in range(13, 60):
        told = history[max(0, trial - 4 - 8) : trial - 4]
        assert 1 in {distance(history[trial], parent) for parent in told}


def test_without_aging_the_worst_of_the_tournament_dies_and_the_best_survives() -> None:
    strategy = make("evolution", BITS, trials=200, aging=False, **PAPER)
    best_so_far = float("-inf")
    for trial in range(200):
        proposal = strategy.ask(trial)
        before = list(strategy._population)
        sample = strategy._sample(trial) if before else []
        strategy.tell(trial, proposal, one_max(proposal.genotype))
        best_so_far = max(best_so_far, one_max(proposal.genotype))
        assert max(member.reward for member in strategy._population) == best_so_far
        if trial >= 8:
            gone = before[min(sample, key=lambda at: (before[at].reward, at))]
            assert list(strategy._population) == [member for member in before if member is not gone] + [
                Member(proposal.genotype, one_max(proposal.genotype))
            ]


def test_trials_without_a_reward_rank_last() -> None:
    population = [Member((0,), -5.0), Member((1,), float("-inf")), Member((2,), -7.0)]
    assert best(population, [1, 2]) == 2
    assert worst(population, [0, 1, 2]) == 1
    strategy = make("evolution", BITS, trials=80, **PAPER)
    history = [p.genotype for p in play(strategy, lambda genotype: None if genotype[0] else one_max(genotype), 80)]
    assert sum(genotype[0] for genotype in history[40:]) < 15, "half of the space has no reward, and is left"


def test_equal_rewards_prefer_the_youngest_parent_and_kill_the_oldest() -> None:
    population = [Member((k,), 1.0) for k in range(4)]
    assert best(population, [2, 0, 3, 1]) == 3
    assert worst(population, [2, 0, 3, 1]) == 0


def test_repeats_are_mutated_again_until_something_new_is_found() -> None:
    """3 uniform genotypes, which may repeat, and then all the others of 16."""
    small = space_of(flat(4, 2))
    strategy = make("evolution", small, trials=64, population_size=3, tournament_size=6, avoid_repeats=200)
    history = [proposal.genotype for proposal in play(strategy, one_max, 19)]
    assert len(set(history)) == 16
    again = make("evolution", small, trials=64, population_size=3, tournament_size=6, avoid_repeats=0)
    assert len({proposal.genotype for proposal in play(again, one_max, 19)}) < 16


def test_identity_mutations_of_a_space_are_kept_where_repeats_are_allowed() -> None:
    def sometimes(genotype: Genotype, random: Random) -> Genotype:
        return genotype if random.random() < 0.5 else BITS.decisions.mutate(genotype, random)

    space = space_of(flat(12, 2), mutate=sometimes)
    strategy = make("evolution", space, trials=200, seed=1, **PAPER)
    history = [proposal.genotype for proposal in play(strategy, one_max, 200)]
    copies = sum(history[trial] in history[trial - 8 : trial] for trial in range(8, 200))
    assert 60 < copies < 160


def test_start_from_comes_first_and_is_built_upon() -> None:
    good = (1,) * 11 + (0,)
    strategy = make("evolution", BITS, trials=40, start_from=(good,), population_size=5, tournament_size=15)
    history = [proposal.genotype for proposal in play(strategy, one_max, 40)]
    assert history[0] == good
    assert history[1:5] == [BITS.sample(0, trial) for trial in range(1, 5)]
    assert (1,) * 12 in history


def test_start_from_is_checked_before_the_first_trial() -> None:
    with pytest.raises(SpaceError, match="1 to 12 indices, not 13"):
        make("evolution", BITS, trials=40, start_from=((0,) * 13,))
    with pytest.raises(UserError, match="2 genotypes for a population of 1; give fewer, or a larger population_size"):
        make("evolution", BITS, trials=40, start_from=((0,) * 12, (1,) * 12), population_size=1)


def test_children_follow_a_growing_curriculum() -> None:
    space = space_of(flat(12, 2), length=lambda trial: 4 if trial < 30 else 9)
    history = [proposal.genotype for proposal in play(make("evolution", space, trials=60, **PAPER), one_max, 60)]
    assert [len(genotype) for genotype in history] == [4] * 30 + [9] * 30
    assert distance(history[30][:4], min(history[22:30], key=lambda parent: distance(parent, history[30][:4]))) <= 1
    assert fit(BITS.decisions, (1,) * 6, 4, Random(0)) == (1,) * 4


@pytest.mark.parametrize(("trials", "population"), [(64, 10), (100, 13), (300, 23), (1000, 41), (1, 1)])
def test_the_rule_from_the_budget(trials: int, population: int) -> None:
    settings = Evolution.resolve(trials, {})
    assert (settings["population_size"], settings["tournament_size"]) == (population, 2 * population)


def test_paper_constants_and_given_ones() -> None:
    paper = Evolution.resolve(300, {"constants": "paper"})
    assert (paper["population_size"], paper["tournament_size"], paper["avoid_repeats"], paper["aging"]) == (100, 25, 0, True)
    assert Evolution.resolve(300, {"population_size": 7})["tournament_size"] == 14


def test_toy_problem_of_the_paper_is_solved_better_than_by_random_search() -> None:
    """100 bits, P = 100, S = 10, 1,000 models. Random ends near 0.67 (spread 0.015), evolution above 0.9: ten spreads."""
    space, toy = space_of(flat(100, 2)), noisy_bits(0)
    given = {"constants": "paper", "population_size": 100, "tournament_size": 10}
    evolved = best_after(make("evolution", space, trials=1000, **given), toy, 1000)
    assert evolved > best_after(make("random", space, trials=1000), toy, 1000) + 0.15


def test_tell_is_all_that_changes_it() -> None:
    strategy = make("evolution", BITS, trials=40, **PAPER)
    for trial in range(20):
        strategy.tell(trial, Proposal(BITS.sample(1, trial)), float(trial % 7))
    asked = [strategy.ask(trial) for trial in (20, 27, 20, 23)]
    assert asked[0] == asked[2] != asked[1]
    assert [strategy.ask(trial) for trial in (23, 20)] == [asked[3], asked[0]]

"""Local search: the order in which it climbs, its optima, and what it never does twice."""

import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.random_streams import stream
from automl_cli.core.spaces import SearchSpace
from automl_cli.plugins.discovery import plugin_named
from automl_cli.strategies.local_search import LocalSearch, neighbours
from tests.strategies.driving import driven, genotypes_of
from tests.tables import SPACES

SPACE = SearchSpace(plugin_named("nas-bench-201")[0])


def made(space: SearchSpace = SPACE, *, trials: int = 200, seed: int = 0, **given: object) -> LocalSearch:
    return LocalSearch(space, seed=seed, settings=LocalSearch.resolve(trials, given))


def additive(trial: int, genotype: Genotype) -> float:
    """A landscape with one optimum, (4, 4, 4, 4, 4, 4)."""
    return sum(genotype) / 24


def trapped(trial: int, genotype: Genotype) -> float:
    """A landscape in which every genotype is a local optimum of a class, by the sum of its indices modulo 2."""
    return float(sum(genotype) % 2 == 0) * 0.5 + (0.5 if genotype == (4, 3, 2, 1, 0, 0) else 0.0)


@pytest.mark.parametrize("in_flight", [1, 4, 30])
def test_with_one_optimum_it_is_found_by_climbing_and_nothing_is_proposed_twice(in_flight: int):
    proposed = genotypes_of(driven(made(), additive, 200, in_flight=in_flight))
    assert len(set(proposed)) == 200
    best = max(range(200), key=lambda at: (additive(at, proposed[at]), -at))
    assert proposed[best] == (4,) * 6
    assert best < 100 + 4 * in_flight  # 10 starts, then at most 6 decisions of 4 other choices for each of few steps


def test_every_proposal_between_starts_and_optimum_is_a_neighbour_of_the_best_so_far():
    proposed = genotypes_of(driven(made(starts=5), additive, 60))
    best = max(proposed[:5], key=lambda genotype: additive(0, genotype))
    for genotype in proposed[5:]:
        if best == (4,) * 6:
            break
        assert sum(a != b for a, b in zip(genotype, best, strict=True)) == 1
        if additive(0, genotype) > additive(0, best):
            best = genotype


def test_at_an_optimum_it_starts_again_with_uniform_genotypes():
    proposed = genotypes_of(driven(made(starts=1), lambda trial, genotype: 1.0 if trial == 0 else 0.0, 60))
    first = proposed[0]
    assert set(proposed[1:25]) == set(neighbours(SPACE, first, stream(0, "any", 0)))
    assert sum(a != b for a, b in zip(proposed[25], first, strict=True)) > 1


def test_neighbours_of_a_space_with_a_mutation_rule_are_made_by_that_rule():
    space = SPACES["nasnet"]
    genotype = space.sample(0, 0)
    found = neighbours(space, genotype, stream(0, "mutations", 0))
    assert len(set(found)) == len(found) > 20
    assert genotype not in found
    made_so = {space.mutate(genotype, stream(1, "again", at)) for at in range(4000)}
    assert len(set(found) - made_so) < len(found) / 10  # 4,000 mutations miss few of those that 20 a decision found


def test_genotypes_of_one_meaning_are_proposed_once():
    space = SPACES["activation-units"]
    proposed = genotypes_of(driven(made(space, starts=3), lambda trial, genotype: -sum(genotype), 80, in_flight=4))
    meanings = [space.canonical(genotype) for genotype in proposed]
    assert len(set(meanings)) == len(meanings)

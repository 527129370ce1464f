"""Every genotype once."""

from itertools import product

import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import UserError
from tests.strategies.driving import play
from tests.strategies.worlds import flat, make, one_max, space_of


def test_every_genotype_comes_once_in_order_and_then_again() -> None:
    space = space_of(flat(3, 3))
    found = [proposal.genotype for proposal in play(make("exhaustive", space, trials=27), one_max, 54)]
    assert found == 2 * list(product(range(3), repeat=3))


def test_a_space_larger_than_the_budget_is_refused_with_its_size() -> None:
    with pytest.raises(UserError, match=r"space 'toy': it has 1,024 genotypes, and the study 1,000 trials. Give --trials 1024"):
        make("exhaustive", space_of(flat(10, 2)), trials=1000)


def test_the_first_of_each_meaning_come_first_and_need_no_more_trials() -> None:
    space = space_of(flat(2, 3), canonical=lambda genotype: tuple(sorted(genotype)))
    found = [proposal.genotype for proposal in play(make("exhaustive", space, trials=6), one_max, 18)]
    assert found == 2 * [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2), (1, 0), (2, 0), (2, 1)]
    with pytest.raises(UserError, match=r"it has 6 genotypes that are distinct, of 9, and the study 5 trials. Give --trials 6"):
        make("exhaustive", space, trials=5)


def test_as_few_genotypes_are_looked_at_as_decide_whether_trials_cover_the_space() -> None:
    seen: list[Genotype] = []

    def canonical(genotype: Genotype) -> Genotype:
        seen.append(genotype)
        return genotype

    space = space_of(flat(5, 3), canonical=canonical)
    assert not space.fewer_distinct_than(11)
    assert len(seen) == 11
    assert not space.fewer_distinct_than(243)
    assert space.fewer_distinct_than(244)
    assert not space_of(flat(2, 3)).fewer_distinct_than(1000)

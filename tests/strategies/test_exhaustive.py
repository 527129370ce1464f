"""Every genotype once."""

from itertools import product

import pytest

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

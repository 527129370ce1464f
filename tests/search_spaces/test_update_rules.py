"""The space of update rules: its size, its operands and functions, and the paper's constraints."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.spaces import SearchSpace
from automl_cli.values.expressions.sameness import rule_key, rule_updates
from automl_cli.values.optimizer import NAMED, UpdateRule
from search_spaces.update_rules import BINARY, DECAYS, OPERANDS, SPACE, UNARY, allowed, operands


def space(**options) -> SearchSpace:
    return SearchSpace(SPACE, options)


def test_sizes_are_the_papers():
    assert (len(OPERANDS), len(DECAYS), len(UNARY), len(BINARY)) == (17, 4, 12, 6)
    assert space().size == 249_696
    assert space(decays=True).size == 381_024
    assert [len(space(iterations=count).decisions) for count in (1, 2, 3, 4)] == [5, 10, 15, 20]
    assert space(iterations=2).size == 249_696 * 18**2 * 12**2 * 6
    assert space().count_distinct() is None


ALL = (*OPERANDS, *DECAYS)
FREE = space(decays=True, constraints=False)


@pytest.mark.parametrize("operand", range(len(ALL)), ids=ALL)
def test_every_operand_is_usable(operand):
    alone = FREE.decode((operand, 0, 0, 0, BINARY.index("a")))
    assert rule_key(alone) == rule_key(UpdateRule(ALL[operand]))
    assert np.isfinite(rule_updates(alone)).all()


@pytest.mark.parametrize("unary", range(len(UNARY)), ids=UNARY)
def test_every_unary_function_is_usable(unary):
    alone = FREE.decode((0, 0, unary, 0, BINARY.index("a")))
    assert rule_key(alone) == rule_key(UpdateRule(UNARY[unary].replace("exp", "E").replace("x", "g").replace("E", "exp")))
    assert np.isfinite(rule_updates(alone)).all()


@pytest.mark.parametrize("binary", range(len(BINARY)), ids=BINARY)
def test_every_binary_function_is_usable(binary):
    rule = FREE.decode((ALL.index("g"), ALL.index("2"), 0, 0, binary))
    assert rule_key(rule) == rule_key(UpdateRule(BINARY[binary].replace("a", "g").replace("b", "2")))
    assert np.isfinite(rule_updates(rule)).all()


def test_a_power_of_a_negative_base_is_not_a_number_and_no_error():
    rule = FREE.decode((ALL.index("g"), ALL.index("m"), 0, 0, BINARY.index("a^b")))
    assert np.isnan(rule_updates(rule)).any()


def test_powersign_is_two_iterations():
    """Iteration 1: sign(g) * sign(m); iteration 2: g * exp(result)."""
    known = operands({"decays": False}, 1)
    first = (known.index("sign(g)"), known.index("sign(m)"), 0, 0, BINARY.index("a * b"))
    second = (known.index("g"), known.index("result 1"), 0, UNARY.index("exp(x)"), BINARY.index("a * b"))
    rule = space(iterations=2).decode((*first, *second))
    assert rule_key(rule) == rule_key(NAMED["powersign"])
    np.testing.assert_array_equal(rule_updates(rule), rule_updates(NAMED["powersign"]))


@given(st.data(), st.integers(1, 4), st.booleans())
def test_the_papers_constraints_hold_for_every_genotype(data, iterations, decays):
    opened = space(iterations=iterations, decays=decays)
    genotype = tuple(data.draw(st.integers(0, len(decision.choices) - 1)) for decision in opened.decisions.decisions)
    for iteration in range(iterations):
        drawn = genotype[5 * iteration : 5 * iteration + 5]
        count, last = len(operands(opened.options, iteration)), iteration == iterations - 1
        step = allowed(drawn, count, iteration, last=last)
        assert step[0] != step[1]
        assert max(step[:2]) < count
        assert not (last and BINARY[step[4]] == "a + b")
        if iteration:
            assert max(step[:2]) >= count - iteration
        assert allowed(step, count, iteration, last=last) == step
        fine = drawn[0] != drawn[1] and (not iteration or max(drawn[:2]) >= count - iteration)
        if fine and not (last and BINARY[drawn[4]] == "a + b"):
            assert step == drawn
    assert isinstance(opened.decode(genotype), UpdateRule)


def test_without_constraints_a_genotype_means_what_it_says():
    assert space(constraints=False).decode((0, 0, 0, 0, 0)).expression == "g + g"
    assert space().decode((0, 0, 0, 0, 0)).expression == "g - g^2"

"""The steps of a controller, its size, and where it starts."""

import numpy as np
import pytest

from automl_cli.core.decisions import Decision, DecisionList, Membership
from automl_cli.strategies.controller.layout import StepLayout
from automl_cli.strategies.controller.parameters import initial_parameters
from tests.strategies.controller.examples import GAPS, SPACES, layered


@pytest.mark.parametrize("decisions", [*SPACES.values(), layered(7, (4, 4, 4))])
def test_every_decision_is_made_once_in_order_after_all_it_refers_to(decisions: DecisionList) -> None:
    layout = StepLayout(decisions)
    assert [position for step in layout.steps for position in step.positions] == list(range(len(decisions)))
    assert [row for step in layout.steps for row in step.rows] == list(range(layout.rows))
    order = {entry.anchor: at for at, entry in enumerate(layout.steps) if entry.anchor is not None}
    for at, entry in enumerate(layout.steps):
        if entry.anchor is None:
            assert len(entry.rows) == len(decisions.decisions[entry.positions[0]].choices)
        for item, position in zip(entry.items, entry.positions if entry.anchor is not None else (), strict=True):
            assert decisions.decisions[position].membership == Membership(entry.anchor, item)
            assert order[item] < at


def test_anchors_stand_before_the_decision_at_their_position() -> None:
    assert [step.anchor for step in StepLayout(GAPS).steps] == [0, 1, None, 2, None, 3]


def test_two_layers_of_35_units_have_the_parameters_of_the_formula() -> None:
    """NAS v1 at 15 layers: H + R(2H + 1) + 2 * 4H(2H + 1) + 2H^2 + H with H = 35 and R = 15 * 3 * 4 choices."""
    state = initial_parameters(StepLayout(layered(15, (4, 4, 4))), layers=2, units=35, scale=0.08, seed=0)
    assert sum(leaf.size for leaf in state.values()) == 35 + 180 * 71 + 2 * 4 * 35 * 71 + 2 * 35**2 + 35


def test_one_layer_of_100_units_without_anchors_has_the_parameters_of_the_formula() -> None:
    table = DecisionList(tuple(Decision(f"edge_{k}", tuple("abcde")) for k in range(6)))
    state = initial_parameters(StepLayout(table), layers=1, units=100, scale=0.1, seed=0)
    assert sum(leaf.size for leaf in state.values()) == 100 + 30 * 201 + 4 * 100 * 201


def test_every_parameter_starts_uniform_within_the_given_range() -> None:
    """20,000 numbers: a mean or a spread off by six standard deviations fails, once in 10^8 seeds; the seed is fixed."""
    state = initial_parameters(StepLayout(layered(4)), layers=2, units=35, scale=0.08, seed=1)
    numbers = np.concatenate([np.ravel(leaf) for leaf in state.values()])
    assert np.abs(numbers).max() <= 0.08
    assert abs(numbers.mean()) < 6 * 0.08 / np.sqrt(3 * numbers.size)
    assert numbers.var() == pytest.approx(0.08**2 / 3, rel=0.05)
    assert all(np.ravel(leaf).std() > 0.02 for leaf in state.values() if np.size(leaf) > 5)


def test_same_seed_same_parameters_and_other_seed_other_parameters() -> None:
    layout = StepLayout(layered(2))
    first, again, other = (initial_parameters(layout, layers=1, units=4, scale=0.1, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(array, again[name]) for name, array in first.items())
    assert not any(np.any(array == other[name]) for name, array in first.items())

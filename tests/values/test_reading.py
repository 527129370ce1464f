"""Features of functions and rules, against what is known of the published ones."""

import math

import numpy
import pytest
from hypothesis import given

from automl_cli.values import optimizer
from automl_cli.values.activation import NAMED, ActivationFunction
from automl_cli.values.expressions.reading import DRAWN, POINTS, Reading, Turn, curve, reading, sampled, signs_reading
from automl_cli.values.optimizer import UpdateRule
from tests.values.expression_samples import activations, rules

E = math.e


def read(formula: str) -> Reading:
    function = NAMED.get(formula) or ActivationFunction(formula)
    return reading(function.tree, dict(zip(function.betas, function.starts, strict=True)))


def test_swish_has_its_hump_and_its_linear_arm() -> None:
    found = read("swish")
    (hump,) = found.turns
    assert hump.kind == "minimum"
    assert hump.x == pytest.approx(-1.278464543, abs=1e-6)
    assert hump.value == found.lower == pytest.approx(-0.278464543, abs=1e-8)
    assert found.arm is not None
    assert found.arm.is_linear
    assert 0.005 < found.arm.deviation < 0.01
    assert (found.upper, found.monotonic, found.parity, found.smooth) == (None, False, "neither", True)
    assert (found.value, found.slope) == (0.0, pytest.approx(0.5))


def test_a_steeper_beta_moves_the_hump_towards_0() -> None:
    tree = NAMED["swish"].tree
    humps = [reading(tree, {"beta": beta}).turns[0] for beta in (0.5, 1.0, 4.0)]
    assert [hump.x * beta for hump, beta in zip(humps, (0.5, 1.0, 4.0), strict=True)] == pytest.approx(
        [-1.278464543] * 3, abs=1e-5
    )


def test_relu_is_linear_and_has_a_kink() -> None:
    found = read("relu")
    assert found.arm is not None
    assert (found.arm.slope, found.arm.deviation) == (pytest.approx(1), pytest.approx(0, abs=1e-12))
    assert (found.monotonic, found.turns, found.lower, found.upper) == (True, (), 0.0, None)
    assert (found.smooth, found.sides, found.slope) == (False, (0.0, 1.0), 0.5)


def test_gelu_has_a_smaller_hump_nearer_to_0_than_swish() -> None:
    (hump,) = read("gelu").turns
    assert hump == Turn("minimum", pytest.approx(-0.7517916, abs=1e-6), pytest.approx(-0.1699712, abs=1e-7))


@pytest.mark.parametrize(
    ("formula", "parity"),
    [("x^2", "even"), ("abs(x)", "even"), ("cos(x)", "even"), ("x^3", "odd"), ("1 / x", "odd"), ("x-asinh-squared", "odd"),
     ("gelu", "neither"), ("cos-minus-x", "neither"), ("log(x)", "neither")],
)  # fmt: skip
def test_even_and_odd_functions_are_told_apart(formula: str, parity: str) -> None:
    assert read(formula).parity == parity


@pytest.mark.parametrize(
    ("formula", "lower", "upper"),
    [("tanh(x)", -1, 1), ("atan(x)", -math.pi / 2, math.pi / 2), ("softplus", 0, None), ("selu", -1.75813631, None),
     ("log(abs(x) + 1)", 0, None), ("sinh(x)", None, None), ("-exp(x)", None, 0), ("sinc(x)", -0.2172336, 1),
     ("x", None, None)],
)  # fmt: skip
def test_bounds_are_those_of_mathematics(formula: str, lower: float | None, upper: float | None) -> None:
    found = read(formula)
    for measured, known in ((found.lower, lower), (found.upper, upper)):
        assert measured == (None if known is None else pytest.approx(known, abs=1e-3))


@pytest.mark.parametrize(
    ("formula", "smooth"),
    [("elu", True), ("selu", False), ("max-sigmoid", True), ("sqrt(abs(x))", False), ("sign(x)", False), ("1 / x", False),
     ("softplus", True), ("sinc(x)", True), ("log(x)", False)],
)  # fmt: skip
def test_kinks_jumps_and_poles_at_0_are_not_smooth(formula: str, smooth: bool) -> None:
    assert read(formula).smooth is smooth


def test_curved_arms_are_told_from_linear_ones() -> None:
    linear = {name: arm.is_linear for name in NAMED if (arm := read(name).arm) is not None}
    curved = {"cos-minus-x", "min-sin", "atan-squared-minus-x", "sinc-plus-x", "x-asinh-squared"}
    assert {name for name, is_linear in linear.items() if not is_linear} == curved
    assert len(linear) == len(NAMED)
    assert read("log(-x)").arm is None


def test_every_turn_left_of_0_is_found_nearest_first() -> None:
    turns = read("sin(2 * x)").turns
    places = [-math.pi / 4, -3 * math.pi / 4, -5 * math.pi / 4]
    assert [turn.kind for turn in turns] == ["minimum", "maximum", "minimum"]
    assert [turn.x for turn in turns] == pytest.approx(places, abs=1e-6)
    assert read("x^2").turns == ()


@pytest.mark.parametrize("name", NAMED)
def test_the_derivative_that_is_drawn_is_that_of_finite_differences(name: str) -> None:
    function = NAMED[name]
    constants = dict(zip(function.betas, function.starts, strict=True))
    x, _, slopes = curve(function.tree, constants)
    step = 1e-6
    differences = (sampled(function.tree, x + step, constants) - sampled(function.tree, x - step, constants)) / (2 * step)
    numpy.testing.assert_allclose(slopes, differences, rtol=1e-6, atol=1e-8)


@given(activations())
def test_any_function_can_be_read_and_drawn(function: ActivationFunction) -> None:
    constants = dict(zip(function.betas, function.starts, strict=True))
    found = reading(function.tree, constants)
    x, values, slopes = curve(function.tree, constants)
    assert x.shape == values.shape == slopes.shape == (POINTS,)
    assert (x[0], x[-1]) == DRAWN
    assert all(DRAWN[0] <= turn.x < 0 for turn in found.turns)
    finite = values[numpy.isfinite(values)]
    for bound, sign in ((found.lower, 1), (found.upper, -1)):
        assert bound is None or not finite.size or (sign * (finite - bound)).min() >= -1e-6 * (1 + abs(bound))


def signs(name: str) -> dict[str, tuple[float, float]]:
    rule = optimizer.NAMED[name]
    assert isinstance(rule, UpdateRule)
    return signs_reading(rule.expanded)


@pytest.mark.parametrize(
    ("name", "agreeing", "disagreeing"),
    [("sgd", 1, 1), ("powersign", E, 1 / E), ("addsign", 2, 0), ("signum", 1, -1), ("lion", 1, -1), ("momentum", 10, -8),
     ("nesterov", 10, -6.2), ("adam", 1, -0.8), ("rmsprop", 1, 1)],
)  # fmt: skip
def test_rules_do_what_is_published_where_signs_agree_and_where_not(name: str, agreeing: float, disagreeing: float) -> None:
    assert signs(name) == {"always": pytest.approx((agreeing, disagreeing), abs=1e-6)}


@pytest.mark.parametrize(
    ("name", "factors"),
    [("powersign-ld", (1, 0.5, 0)), ("powersign-cd", (1, 0.5, 0)), ("powersign-rd", (1, 0.5, 1)), ("addsign-ld", (1, 0.5, 0))],
)
def test_decays_are_read_at_start_middle_and_end(name: str, factors: tuple[float, ...]) -> None:
    found = signs(name)
    assert list(found) == ["start", "middle", "end"]
    for (agreeing, disagreeing), factor in zip(found.values(), factors, strict=True):
        known = (E**factor, E**-factor) if name.startswith("power") else (1 + factor, 1 - factor)
        assert (agreeing, disagreeing) == pytest.approx(known, abs=1e-6)


@given(rules())
def test_any_rule_can_be_read(rule: UpdateRule) -> None:
    assert set(signs_reading(rule.expanded)) in ({"always"}, {"start", "middle", "end"})

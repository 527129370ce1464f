"""PowerSign, AddSign and their decays against the golden sequences, in float64, and the formulas of the activation paper."""

import numpy as np
import pytest
from scipy.special import erf, expit

from automl_cli.values import activation
from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.canonical import normal_samples
from automl_cli.values.expressions.evaluation import evaluate, numpy_functions
from automl_cli.values.optimizer import NAMED, UpdateRule, definitions
from tests.values.rule_trajectories import AFTER_FOUR, AFTER_SEVEN, FOUR_GRADIENTS, SEVEN_GRADIENTS, trajectory

TOLERANCE = {"rtol": 0, "atol": 1e-6}


@pytest.mark.parametrize(("rule", "total", "expected"), AFTER_SEVEN)
def test_seven_steps_are_those_of_tensorflow(rule, total, expected):
    found = trajectory(rule, [1.0, 2.0, 3.0, 4.0], SEVEN_GRADIENTS, rate=0.1, total=total)
    np.testing.assert_allclose(found[-1], expected, **TOLERANCE)


@pytest.mark.parametrize(("rule", "total", "expected"), AFTER_FOUR)
def test_four_steps_are_those_of_the_table(rule, total, expected):
    found = trajectory(rule, [1.0, 2.0], FOUR_GRADIENTS, rate=0.1, total=total)
    np.testing.assert_allclose(found[-len(expected) :], expected, **TOLERANCE)


@pytest.mark.parametrize(("family", "agree", "disagree"), [("powersign", np.e, 1 / np.e), ("addsign", 2.0, 0.0)])
def test_agreeing_signs_multiply_the_gradient_and_disagreeing_ones_damp_it(family, agree, disagree):
    gradients = np.float64([[0.5, -1.0, 0.0], [-0.01, -1.0, 0.0]])
    found = trajectory(NAMED[family], np.zeros(3), gradients, rate=1.0, total=2)
    np.testing.assert_allclose(found[0], [-agree * 0.5, agree, 0.0], rtol=1e-12)
    np.testing.assert_allclose(found[1] - found[0], [disagree * 0.01, agree, 0.0], rtol=1e-12, atol=1e-15)


DECAYS = {
    "ld": {0: 1.0, 50: 0.5, 100: 0.0, 150: 0.0},
    "cd": {0: 1.0, 50: 0.5, 100: 0.0, 150: 0.0},
    "rd": {0: 1.0, 50: 0.5, 99: 0.00024671981713, 100: 1.0},
    "(1 + cos(2 * 3.141592653589793 * 0.5 * min(t, T) / T)) / 2": {50: 0.5, 100: 0.0},
    "(1 + cos(3.141592653589793 * mod(2 * t, T) / T)) / 2": {0: 1.0, 25: 0.5, 49: 0.000986635785864, 50: 1.0, 75: 0.5},
}
"""Values of decays at t of T = 100; the last two are cosine with n = 0.5 and restart with n = 2, written out."""


@pytest.mark.parametrize(("text", "at"), DECAYS.items())
def test_decays_have_their_values(text, at):
    tree = UpdateRule(text).expanded
    for t, value in at.items():
        found = evaluate(tree, {"t": np.float64(t), "T": np.float64(100)}, numpy_functions())
        np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-12)


def test_decays_are_evaluated_at_the_steps_done_before():
    assert trajectory(UpdateRule("g * t"), [0.0], [[1.0]] * 3, rate=1.0, total=3).ravel().tolist() == [0.0, -1.0, -3.0]


X = normal_samples()
FOUND = {
    "swish": lambda x, beta: x / (1 + np.exp(-beta * x)),
    "max-sigmoid": lambda x: np.maximum(x, 1 / (1 + np.exp(-x))),
    "cos-minus-x": lambda x: np.cos(x) - x,
    "min-sin": lambda x: np.minimum(x, np.sin(x)),
    "atan-squared-minus-x": lambda x: np.arctan(x) ** 2 - x,
    "max-tanh": lambda x: np.maximum(x, np.tanh(x)),
    "sinc-plus-x": lambda x: np.sin(x) / x + x,
    "x-asinh-squared": lambda x: x * np.log(x + np.sqrt(x * x + 1)) ** 2,
}
BASELINES = {
    "relu": lambda x: np.where(x > 0, x, 0),
    "lrelu": lambda x: np.where(x > 0, x, 0.01 * x),
    "prelu": lambda x, beta: np.where(x > 0, x, beta * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507 * np.where(x > 0, x, 1.6733 * np.expm1(x)),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "silu": lambda x: x * expit(x),
}


def test_every_published_function_has_its_formula_here():
    assert {**FOUND, **BASELINES}.keys() == activation.NAMED.keys()


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("name", "formula"), [*FOUND.items(), *BASELINES.items()])
def test_published_functions_are_their_formulas(name, formula, beta):
    function = activation.NAMED[name]
    betas = dict.fromkeys(function.betas, beta)
    found = evaluate(function.tree, {"x": X, **betas}, numpy_functions())
    np.testing.assert_allclose(found, formula(X, *betas.values()), rtol=1e-9, atol=1e-12)


def test_swish_is_half_of_x_and_relu_at_the_ends():
    swish = activation.NAMED["swish"].tree
    np.testing.assert_allclose(evaluate(swish, {"x": X, "beta": 0.0}, numpy_functions()), X / 2)
    with np.errstate(over="ignore"):
        steep = evaluate(swish, {"x": X, "beta": 1e3}, numpy_functions())
    np.testing.assert_allclose(steep, np.maximum(X, 0), atol=1e-3)


def test_trained_parameters_start_where_the_papers_say():
    assert activation.NAMED["prelu"].starts == (0.25,)
    assert activation.NAMED["swish"].starts == (1.0,)
    assert ActivationFunction("beta2 * x + beta", (0.5,)).starts == (0.5, 1.0)


def test_definitions_are_expressions_of_operands_alone():
    for name, tree in definitions().items():
        assert UpdateRule(name).expanded == tree

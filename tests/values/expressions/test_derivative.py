"""Derivatives of expressions against automatic differentiation in float64."""

import jax
import numpy as np
import pytest
from hypothesis import assume, given, settings

from automl_cli.nn.interpret.functions import FUNCTIONS
from automl_cli.values import activation
from automl_cli.values.activation import ACTIVATIONS, ActivationFunction
from automl_cli.values.expressions.canonical import normal_samples
from automl_cli.values.expressions.derivative import derivative
from automl_cli.values.expressions.evaluation import evaluate, numpy_functions
from automl_cli.values.expressions.parser import parse
from automl_cli.values.expressions.tree import FUNCTIONS as LANGUAGE
from automl_cli.values.expressions.tree import Expression, call, printed, walk
from tests.values.expression_samples import activation_trees

X = normal_samples(100)
OPERANDS = {"x": X, "beta": np.full_like(X, 0.7), "beta2": np.full_like(X, -1.3)}
NAMES = ("x", "beta", "beta2")


def by_jax(tree: Expression, name: str, operands=OPERANDS) -> np.ndarray:
    with jax.enable_x64(True):

        def value(one):
            return jax.numpy.broadcast_to(evaluate(tree, {**operands, name: one}, FUNCTIONS), X.shape)

        _, tangent = jax.jvp(value, (operands[name],), (np.ones_like(X),))
        return np.asarray(tangent)


def ours(tree: Expression, name: str, operands=OPERANDS) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.broadcast_to(evaluate(derivative(tree, name), operands, numpy_functions()), X.shape)


def tame_places(tree: Expression) -> np.ndarray:
    """Where every part is finite, not huge, and not 0 by an accident such as x - x, which puts all samples on a kink."""
    with np.errstate(all="ignore"):
        parts = [np.broadcast_to(evaluate(part, OPERANDS, numpy_functions()), X.shape) for part in walk(tree)]
    return np.all([(np.abs(part) < 1e4) & ((np.abs(part) > 1e-4) | (part == parts[-1])) for part in parts], axis=0)


@settings(max_examples=200)
@given(activation_trees(5))
def test_a_derivative_is_that_of_automatic_differentiation(tree):
    there = tame_places(tree)
    assume(there.any())
    for name in NAMES:
        found, expected = ours(tree, name)[there], by_jax(tree, name)[there]
        known = np.isfinite(found) & np.isfinite(expected) & (np.abs(expected) < 1e8)
        np.testing.assert_allclose(found[known], expected[known], rtol=1e-6, atol=1e-6, err_msg=printed(tree))


POSITIVE = {**OPERANDS, "x": np.abs(X) + 0.01}


@pytest.mark.parametrize("function", ACTIVATIONS.functions)
def test_every_function_of_the_language_has_its_derivative(function):
    """On positive numbers, where all are defined; the whole chain rule, inside and outside."""
    inner = parse("x * 1.1 + 0.3 * beta", ACTIVATIONS)
    other = parse("0.5 * x + beta", ACTIVATIONS)
    limit = parse("1.5", ACTIVATIONS)
    arguments = [inner, limit if function == "clip" else other][: LANGUAGE[function].arity]
    tree = call("multiply", call(function, *arguments), parse("x", ACTIVATIONS))
    for name in ("x", "beta"):
        np.testing.assert_allclose(ours(tree, name, POSITIVE), by_jax(tree, name, POSITIVE), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("function", activation.NAMED.values(), ids=activation.NAMED)
def test_derivatives_of_published_functions_are_those_of_automatic_differentiation(function):
    operands = {"x": X, **{beta: np.full_like(X, 0.8) for beta in function.betas}}
    for name in operands:
        np.testing.assert_allclose(
            ours(function.tree, name, operands), by_jax(function.tree, name, operands), rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
def test_the_derivative_of_swish_is_the_papers_identity(beta):
    """f'(x) = beta f(x) + sigmoid(beta x) (1 - beta f(x)), arXiv 1710.05941, section 4."""
    operands = {"x": X, "beta": np.full_like(X, beta)}
    swish = activation.NAMED["swish"].tree
    gate = 1 / (1 + np.exp(-beta * X))
    value = X * gate
    identity = beta * value + gate * (1 - beta * value)
    np.testing.assert_allclose(ours(swish, "x", operands), identity, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(by_jax(swish, "x", operands), identity, rtol=1e-10, atol=1e-12)


def test_the_minimum_of_swish_is_where_the_paper_has_it():
    x = np.linspace(-2, 0, 200_001)
    value = evaluate(activation.NAMED["silu"].tree, {"x": x}, numpy_functions())
    assert (round(x[value.argmin()], 4), round(value.min(), 4)) == (-1.2785, -0.2785)


def test_near_zero_sinc_and_its_slope_lose_nothing():
    x = np.float64([0.0, 1e-300, 1e-8, 1e-3, 0.0999, 0.1001])
    tree = ActivationFunction("sinc(x)").tree
    np.testing.assert_allclose(evaluate(tree, {"x": x}, numpy_functions()), np.sinc(x / np.pi), rtol=1e-15)
    expected = [-one / 3 + one**3 / 30 - one**5 / 840 for one in x]
    np.testing.assert_allclose(evaluate(derivative(tree), {"x": x}, numpy_functions()), expected, rtol=1e-6)

"""Activation functions traced into programs and as data to one program: values, gradients, and what is compiled."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from automl_cli.core.errors import UserError
from automl_cli.core.spaces import SearchSpace
from automl_cli.nn.interpret.activations import MOST_BETAS, as_data, code_of, traced
from automl_cli.nn.interpret.functions import FUNCTIONS
from automl_cli.nn.ops.activations import ParametricActivation
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.values.activation import ACTIVATIONS, BETAS, NAMED, ActivationFunction
from automl_cli.values.expressions.derivative import derivative
from automl_cli.values.expressions.evaluation import evaluate
from search_spaces.activation_units import BINARY, SPACE, UNARY
from tests.values.expression_samples import activations

SHAPE = (4, 5, 3, 8)
X = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
GRADIENT = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
BETA_VALUES = np.random.default_rng(2).uniform(0.5, 1.5, (MOST_BETAS, SHAPE[-1])).astype(np.float32)


@jax.jit
def interpreted(x: Any, betas: Any, code: Any, gradient: Any) -> tuple[Any, Any, Any]:
    """The value of a function that is data, and its gradients for x and the parameters."""
    value, pull = jax.vjp(lambda x, betas: as_data(NAMED["silu"]).function(x, betas, code), x, betas)
    return value, *pull(gradient)


def by_tracing(function: ActivationFunction) -> tuple[Any, Any, Any]:
    """The same of the traced function; gradients of parameters that it lacks are 0."""

    def apply(x, betas):
        wide = betas.reshape(MOST_BETAS, 1, 1, 1, -1)
        return jnp.broadcast_to(evaluate(function.tree, {"x": x, **dict(zip(BETAS, wide, strict=False))}, FUNCTIONS), x.shape)

    value, pull = jax.vjp(apply, X, BETA_VALUES)
    return value, *pull(GRADIENT)


def as_data_and_traced(function: ActivationFunction) -> list[tuple[np.ndarray, np.ndarray]]:
    found = interpreted(X, BETA_VALUES, code_of(function), GRADIENT)
    return [(np.asarray(one), np.asarray(other)) for one, other in zip(found, by_tracing(function), strict=True)]


@pytest.mark.parametrize("function", NAMED.values(), ids=NAMED)
def test_a_published_function_as_data_has_values_and_gradients_of_the_traced_one(function):
    for found, expected in as_data_and_traced(function):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


ONE_UNIT = SearchSpace(SPACE, {"units": 1})


def tame(function: ActivationFunction) -> bool:
    """Whether the function and its derivatives are finite and not huge on the samples."""
    operands = {"x": X, **dict(zip(BETAS, BETA_VALUES.reshape(MOST_BETAS, 1, 1, 1, -1), strict=False))}
    with jax.numpy_rank_promotion("allow"):
        parts = [evaluate(tree, operands, FUNCTIONS) for tree in (function.tree, derivative(function.tree))]
    return all(np.all(np.abs(part) < 1e3) for part in parts)


@pytest.mark.parametrize("binary", range(len(BINARY)), ids=BINARY)
@pytest.mark.parametrize("unary", range(len(UNARY)), ids=UNARY)
def test_every_unary_and_binary_function_is_usable_and_as_data_what_it_is_traced(unary, binary):
    function = ONE_UNIT.decode((unary, 20, binary))  # the other input is sigmoid(x)
    value, of_x, of_betas = as_data_and_traced(function)
    np.testing.assert_allclose(*value, rtol=1e-3, atol=1e-4)
    if not tame(function):  # such as log(|x|) divided by what is nearly 0
        return
    np.testing.assert_allclose(*of_x, rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(*of_betas, rtol=1e-2, atol=1e-1)


@pytest.mark.parametrize("rows", [7, 1501])
def test_derivatives_that_are_infinite_at_0_are_of_no_account_where_no_number_is_0(rows):
    """At 0 the derivative of sqrt(beta x^2) for beta is not a number; 1,501 rows are more than whole pieces."""
    function = ActivationFunction("sqrt(beta * x^2)")
    x, code = 0.5 + jnp.arange(3.0 * rows).reshape(rows, 3) / rows, code_of(function)
    betas = jnp.broadcast_to(jnp.array(as_data(function).starts)[:, None], (MOST_BETAS, 3))
    _, pull = jax.vjp(lambda betas: as_data(function).function(x, betas, jnp.asarray(code)), betas)
    (found,) = pull(jnp.ones_like(x))
    np.testing.assert_allclose(found[0], jnp.abs(x).sum(0) / 2, rtol=1e-5)


@settings(max_examples=60)
@given(activations(6))
def test_any_function_as_data_has_the_values_and_gradients_of_the_traced_one(function):
    if not tame(function):
        return
    for found, expected in as_data_and_traced(function)[:2]:
        known = np.isfinite(found) & np.isfinite(expected)
        near = np.abs(found - expected) <= 1e-2 * (1 + np.abs(expected))
        assert (near | ~known).mean() > 0.95, function.expression


def test_one_program_serves_100_functions_and_their_gradients():
    """Counted by the cache of `jax.jit`; functions of one and two units."""
    count = jax.jit(interpreted.__wrapped__)
    values = set()
    for trial in range(100):
        space = SearchSpace(SPACE, {"units": 1 + trial % 3})
        value, *_ = count(X, BETA_VALUES, code_of(space.decode(space.sample(0, trial))), GRADIENT)
        values.add(np.asarray(value).tobytes())
    assert count._cache_size() == 1
    assert len(values) > 80


def test_a_function_that_is_data_starts_its_parameters_where_it_says():
    made = as_data(ActivationFunction("beta2 * x + beta", (0.5, 0.25)))
    assert made.starts == (0.5, 0.25, *(1.0,) * (MOST_BETAS - 2))
    assert made == as_data(NAMED["silu"])
    assert made.code is not None


def test_a_function_that_is_too_long_for_the_interpreter_is_refused():
    text = " + ".join(f"sin({number}.5 * x)" for number in range(40))
    with pytest.raises(UserError, match="and the interpreter has room for"):
        as_data(ActivationFunction(text))


def test_functions_of_three_units_fit_the_interpreter():
    space = SearchSpace(SPACE, {"units": 3})
    for trial in range(300):
        as_data(space.decode(space.sample(1, trial)))


def test_relu_is_the_one_that_networks_have_built_in():
    assert traced(NAMED["relu"]) is traced(ActivationFunction("max(0, x)")) is relu
    made = traced(NAMED["swish"])
    assert isinstance(made, ParametricActivation)
    assert (made.betas, made.starts) == (1, (1.0,))
    assert made == traced(NAMED["swish"])
    assert made != traced(NAMED["prelu"])


@pytest.mark.parametrize("name", ["swish", "prelu"])
def test_a_traced_function_takes_one_parameter_for_each_channel(name):
    made = traced(NAMED[name])
    assert isinstance(made, ParametricActivation)
    found = made.function(X, BETA_VALUES[:1])
    for channel in range(SHAPE[-1]):
        one = made.function(X[..., channel : channel + 1], BETA_VALUES[:1, channel : channel + 1])
        np.testing.assert_allclose(found[..., channel : channel + 1], one, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS.functions if name not in ("divide", "log", "sqrt", "power")])
def test_functions_of_the_language_are_finite_on_samples(name):
    arguments = (X, X) if name in ("add", "subtract", "multiply", "max", "min") else (X, 0.5) if name == "clip" else (X,)
    assert np.isfinite(FUNCTIONS[name](*arguments)).all()

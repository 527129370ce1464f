"""Descents of update rules on analytic problems: all learning rates of a rule in one program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from automl_cli.nn.interpret.library_rules import scoring_offset
from automl_cli.values.analytic_problems import AnalyticProblem, curvatures


class Descents(NamedTuple):
    """Descents at several learning rates, (rates, steps + 1) each: the values of the function and the distances from its
    minimum, before the first step and after each."""

    values: np.ndarray
    distances: np.ndarray


def rosenbrock(point: Array) -> Array:
    """Return (1 - x)^2 + 100 (y - x^2)^2, a scalar, at a point (2,)."""
    x, y = point[0], point[1]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def quadratic(point: Array) -> Array:
    """Return half the sum of squares times their curvatures, a scalar, at a point (dimensions,)."""
    return jnp.sum(jnp.asarray(curvatures(), point.dtype) * point**2) / 2


FUNCTIONS: dict[str, Callable[[Array], Array]] = {"rosenbrock": rosenbrock, "quadratic": quadratic}
"""The function of each problem, by its name."""


def descend(rule: optax.GradientTransformation, problem: AnalyticProblem, rates: tuple[float, ...], *, steps: int) -> Descents:
    """Let a rule without a learning rate minimise the function: point <- point - rate * update(gradient).

    A rule that averages by itself is judged at its average. What is no longer finite stays so.
    """
    function = FUNCTIONS[problem.name]
    start, minimum = (jnp.asarray(point, jnp.float32) for point in (problem.start, problem.minimum))

    def measured(point: Array) -> tuple[Array, Array]:
        return function(point), jnp.linalg.norm(point - minimum)

    def descent(rate: Array) -> tuple[Array, Array]:
        def step(carry: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], tuple[Array, Array]]:
            point, state = carry
            update, state = rule.update(jax.grad(function)(point), state, point)
            point = point - rate * update
            offset = scoring_offset(state)
            return (point, state), measured(point if offset is None else point - rate * offset)

        _, (values, distances) = jax.lax.scan(step, (start, rule.init(start)), None, length=steps)
        first = measured(start)
        return jnp.append(first[0], values), jnp.append(first[1], distances)

    values, distances = jax.jit(jax.vmap(descent))(jnp.asarray(rates, jnp.float32))
    return Descents(np.asarray(values), np.asarray(distances))

"""Muon and Schedule-Free under the project's convention against Optax's own, over twenty steps."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest
from flax import nnx

from automl_cli.children import optimizer
from automl_cli.nn.engines import WholeEngine
from automl_cli.nn.interpret.library_rules import FLATTENED, scoring_offset
from automl_cli.values.optimizer import LibraryOptimizer
from automl_cli.values.recipe import Recipe

STEPS, RATE = 20, 0.01
SHAPES = {"kernel": (3, 3, 2, 4), "matrix": (5, 3), "scale": (4,)}
RANDOM = np.random.default_rng(0)
START = {name: jnp.asarray(RANDOM.normal(size=shape), jnp.float32) for name, shape in SHAPES.items()}
GRADIENTS = [
    {name: jnp.asarray(RANDOM.normal(size=shape), jnp.float32) for name, shape in SHAPES.items()} for _ in range(STEPS)
]


def ours(name: str, decay: float) -> tuple[Any, Any]:
    """The parameters after the steps, and the state of the rule."""
    recipe = Recipe(batch_size=1, learning_rate=RATE, weight_decay=decay)
    rule = optimizer.started(LibraryOptimizer(name), recipe, total_steps=STEPS, seed=0, as_data=True)
    parameters, state = START, rule.init(START)
    for gradient in GRADIENTS:
        updates, state = rule.update(gradient, state, parameters)
        parameters = jax.tree.map(lambda parameter, update: parameter - RATE * update, parameters, updates)
    return parameters, state


def theirs(rule: optax.GradientTransformation) -> tuple[Any, Any]:
    parameters, state = START, rule.init(START)
    for gradient in GRADIENTS:
        updates, state = rule.update(gradient, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
    return parameters, state


def assert_equal_trees(one: Any, other: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6), one, other)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_muon_makes_the_steps_of_optax(decay: float) -> None:
    dimensions = {"kernel": FLATTENED, "matrix": optax.contrib.MuonDimensionNumbers(), "scale": None}
    reference = optax.contrib.muon(RATE, weight_decay=decay, adam_weight_decay=decay, muon_weight_dimension_numbers=dimensions)
    found, state = ours("muon", decay)
    assert_equal_trees(found, theirs(reference)[0])
    assert scoring_offset(state) is None


def test_the_first_step_of_muon_is_an_orthogonal_matrix_up_to_its_iteration() -> None:
    rule = optimizer.transformation(LibraryOptimizer("muon"), Recipe(batch_size=1, learning_rate=1.0, weight_decay=0.0))
    updates, _ = rule.update(GRADIENTS[0], rule.init(START), START)
    for name in ("kernel", "matrix"):
        matrix = np.asarray(updates[name]).reshape(-1, SHAPES[name][-1])
        singular = np.linalg.svd(matrix, compute_uv=False)
        assert singular.min() > 0.5
        assert singular.max() < 1.5 * max(1.0, matrix.shape[1] / matrix.shape[0]) ** 0.5


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_schedule_free_trains_and_scores_where_optax_does(decay: float) -> None:
    reference, reference_state = theirs(optax.contrib.schedule_free_adamw(RATE, weight_decay=decay))
    found, state = ours("schedule-free", decay)
    assert_equal_trees(found, reference)
    scored = jax.tree.map(lambda parameter, offset: parameter - RATE * offset, found, scoring_offset(state))
    assert_equal_trees(scored, optax.contrib.schedule_free_eval_params(reference_state, reference))
    assert not np.allclose(scored["matrix"], found["matrix"], atol=1e-4)


class Line(nnx.Module):
    """y = w x."""

    def __init__(self) -> None:
        self.w = nnx.Param(jnp.ones((1, 1)))

    def __call__(self, inputs: Any, *, train: bool) -> Any:
        return inputs @ self.w[...]


def test_the_engine_scores_with_the_average_of_the_rule_and_keeps_it_in_a_checkpoint() -> None:
    recipe = Recipe(batch_size=1, learning_rate=RATE, weight_decay=0.0)
    rule = optimizer.started(LibraryOptimizer("schedule-free"), recipe, total_steps=8, seed=0)
    engine = WholeEngine(Line(), loss=lambda outputs, targets: ((outputs - targets) ** 2).mean(), update_rule=rule)
    inputs, targets = jnp.ones((2, 1)), jnp.full((2, 1), 3.0)
    solver = optax.contrib.schedule_free_adamw(RATE)
    weight, state, reference = jnp.ones((1, 1)), engine.initial(), solver.init(jnp.ones((1, 1)))
    for _ in range(8):
        state, _ = engine.step(state, inputs, targets, RATE)
        gradient = jax.grad(lambda weight: ((inputs @ weight - targets) ** 2).mean())(weight)
        updates, reference = solver.update(gradient, reference, weight)
        weight = optax.apply_updates(weight, updates)
    expected = optax.contrib.schedule_free_eval_params(reference, weight)
    np.testing.assert_allclose(engine.outputs(state, inputs), inputs @ expected, rtol=1e-5)
    again = engine.state(engine.arrays(state))
    np.testing.assert_array_equal(engine.outputs(again, inputs), engine.outputs(state, inputs))
    assert abs(float(expected[0, 0] - weight[0, 0])) > 1e-4

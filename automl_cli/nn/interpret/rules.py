"""An update rule as an Optax transformation: the expression is traced into the program."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from automl_cli.nn.interpret.functions import FUNCTIONS
from automl_cli.values.expressions.rule_step import ANNEALING, NOISE_DEVIATION, RuleStep, averages, counts, draws, start_of
from automl_cli.values.expressions.tree import Expression, calls, uses


class RuleState(NamedTuple):
    """State of a rule between steps; None for what the rule does not use.

    `step` is the number of steps done, int32; `total` that of the whole training, float32; `key` two uint32 for its draws;
    `kept` holds one tree like the parameters for each of `averages(expression)`.
    """

    step: Array | None
    total: Array | None
    key: Array | None
    kept: tuple[Any, ...]


def scale_by_rule(expression: Expression) -> optax.GradientTransformation:
    """Return the transformation of gradients into the updates of a rule, without a learning rate or a sign.

    `expression` holds operands, numbers and functions alone (`values.optimizer.UpdateRule.expanded`). Every number of a
    parameter is treated by itself. The state of a new training counts 0 steps of 1; `begin` says how many there are.
    """
    names = averages(expression)

    def init(parameters: Any) -> RuleState:
        kept = tuple(jax.tree.map(partial(jnp.full_like, fill_value=start_of(name)), parameters) for name in names)
        return RuleState(
            jnp.zeros((), jnp.int32) if counts(expression) else None,
            jnp.ones((), jnp.float32) if uses(expression, "T") else None,
            jnp.zeros(2, jnp.uint32) if draws(expression) else None,
            kept,
        )

    def update(gradients: Any, state: RuleState, parameters: Any = None) -> tuple[Any, RuleState]:
        leaves, tree = jax.tree.flatten(gradients)
        weights = leaves if parameters is None else jax.tree.leaves(parameters)
        kept = list(zip(*map(jax.tree.leaves, state.kept), strict=True)) or [()] * len(leaves)
        updates, after = [], []
        for number, (gradient, weight, before) in enumerate(zip(leaves, weights, kept, strict=True)):
            operands, uniform = _operands(expression, gradient, weight, state, number)
            one = RuleStep(operands, dict(zip(names, before, strict=True)), FUNCTIONS, uniform=uniform)
            updates.append(jnp.broadcast_to(jnp.asarray(one.value(expression), gradient.dtype), gradient.shape))
            after.append([jnp.broadcast_to(one.kept_after[name], gradient.shape).astype(gradient.dtype) for name in names])
        trees = tuple(jax.tree.unflatten(tree, column) for column in zip(*after, strict=True)) if names else ()
        step = None if state.step is None else state.step + 1
        return jax.tree.unflatten(tree, updates), state._replace(step=step, kept=trees)

    return optax.GradientTransformation(init, update)


def begin(rule: optax.GradientTransformation, *, total_steps: int, seed: int) -> optax.GradientTransformation:
    """Return the transformation for a training of so many steps, whose draws come from a seed (0 <= seed < 2^64).

    The function `update` stays the same object, and so do the programs that hold it.
    """

    def init(parameters: Any) -> Any:
        def begun(state: Any) -> Any:
            if not isinstance(state, RuleState):
                return state
            return state._replace(
                total=None if state.total is None else jnp.float32(total_steps),
                key=None if state.key is None else jnp.array([seed >> 32, seed & 0xFFFFFFFF], jnp.uint32),
            )

        return jax.tree.map(begun, rule.init(parameters), is_leaf=lambda part: isinstance(part, RuleState))

    return optax.GradientTransformation(init, rule.update)


def _operands(
    expression: Expression, gradient: Array, weight: Array, state: RuleState, number: int
) -> tuple[dict[str, Array], Array | None]:
    """Return the operands of the rule for one parameter, of its shape or scalar, and its uniform draw where it drops."""
    found = {"g": gradient, "w": weight}
    if state.step is not None:
        found["t"] = state.step.astype(gradient.dtype)
    if state.total is not None:
        found["T"] = state.total.astype(gradient.dtype)
    if state.key is None or state.step is None:
        return found, None
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key, impl="threefry2x32"), state.step)
    keys = jax.random.split(jax.random.fold_in(key, number), 3)
    if uses(expression, "noise"):
        found["noise"] = NOISE_DEVIATION * jax.random.normal(keys[0], gradient.shape, gradient.dtype)
    if uses(expression, "annealed_noise"):
        deviation = (1 + found["t"]) ** (-ANNEALING / 2)
        found["annealed_noise"] = deviation * jax.random.normal(keys[1], gradient.shape, gradient.dtype)
    uniform = jax.random.uniform(keys[2], gradient.shape, gradient.dtype) if calls(expression, "drop") else None
    return found, uniform

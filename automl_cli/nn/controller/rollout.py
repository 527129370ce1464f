"""Rollouts of a controller through the decisions: drawing genotypes, and computing log-probability and entropy of known ones.

Both are one `scan` over the steps of the layout; a step either draws a decision or reads it from a genotype. Decisions behind
the live length of a row are stepped through, but not counted. The LSTM only looks back, so they do not affect the counted ones,
and one compiled program serves every length of a curriculum.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from automl_cli.nn.controller.layout import EMPTY_SLOT, StepLayout
from automl_cli.nn.controller.network import Carry, Controller

Array = jax.Array | np.ndarray[Any, np.dtype[Any]]
"""A JAX or NumPy array: NumPy at the entry of a compiled program, JAX inside it."""

Choose = Callable[[jax.Array, jax.Array], jax.Array]
"""(log-probabilities (batch, slots, choices), uniforms or known indices (batch, slots)) -> indices (batch, slots)."""


class Rollout(NamedTuple):
    """Genotypes (batch, decisions), with log-probability and entropy of their live prefixes, (batch,) each.

    The entropy is the sum of the entropies of the live decisions, each conditional on the decisions before it. Its mean over
    drawn genotypes estimates the entropy of the policy.
    """

    genotypes: jax.Array
    log_probability: jax.Array
    entropy: jax.Array


class _ScanState(NamedTuple):
    """State between two steps. `anchors` and `projected` are (batch, anchors, units)."""

    carry: Carry
    inputs: jax.Array
    anchors: jax.Array
    projected: jax.Array


class _StepInputs(NamedTuple):
    """Arrays of one step that the scan passes in. `choose_inputs` are uniforms or known indices, (batch, slots)."""

    anchor: jax.Array
    filled: jax.Array
    width: jax.Array
    embedding: jax.Array
    head: jax.Array
    bias: jax.Array
    choose_inputs: jax.Array


class _StepResult(NamedTuple):
    """Decisions of one step, (batch, slots) each."""

    choice: jax.Array
    log_probability: jax.Array
    entropy: jax.Array


MOST_EXPLORATION = 0.5
"""Largest share of decisions that are drawn uniformly, so that the policy matters even for short genotypes."""


def draw(layout: StepLayout, controller: Controller, uniforms: Array, lengths: Array, exploration: Array) -> Rollout:
    """Draw genotypes by the inverse distribution function from uniforms in [0, 1), (batch, decisions).

    A row depends only on its own uniforms and the policy. A decision is drawn uniformly with probability min(exploration /
    length, 1/2), where exploration and length are (batch,). The log-probability is always that of the policy.
    """
    uniform_share = jnp.asarray(jnp.minimum(exploration / lengths, MOST_EXPLORATION))[:, None, None]

    def choose(log_probabilities: jax.Array, uniforms: jax.Array) -> jax.Array:
        possible = jnp.isfinite(log_probabilities)
        uniform = possible / jnp.sum(possible, axis=-1, keepdims=True)
        return _invert((1 - uniform_share) * jnp.exp(log_probabilities) + uniform_share * uniform, uniforms)

    return _rollout(layout, controller, uniforms, lengths, choose=choose)


def score(layout: StepLayout, controller: Controller, genotypes: Array, lengths: Array) -> Rollout:
    """Return log-probability and entropy of known genotypes (batch, decisions), padded with any index behind their lengths
    (batch,)."""
    return _rollout(layout, controller, genotypes, lengths, choose=lambda _, indices: indices)


def _invert(probabilities: jax.Array, uniforms: jax.Array) -> jax.Array:
    """Return the first index whose cumulative probability exceeds the uniform, or the last possible index if rounding leaves
    none."""
    last = jnp.max(jnp.where(probabilities > 0, jnp.arange(probabilities.shape[-1]), 0), axis=-1)
    return jnp.minimum(jnp.sum(uniforms[..., None] >= jnp.cumsum(probabilities, axis=-1), axis=-1), last)


def _rollout(layout: StepLayout, controller: Controller, choose_inputs: Array, lengths: Array, *, choose: Choose) -> Rollout:
    batch, units, anchors = choose_inputs.shape[0], controller.units, len(layout.decisions.anchors)
    empty = jnp.zeros((batch, anchors, units))
    first = _ScanState(controller.first_carry(batch), jnp.tile(controller.start[None], (batch, 1)), empty, empty)
    decide = _step_function(layout, controller, choose)

    def step(state: _ScanState, inputs: _StepInputs) -> tuple[_ScanState, _StepResult]:
        carry, top = controller.advance(state.carry, state.inputs)
        return decide(state._replace(carry=carry), inputs, top)

    _, decided = lax.scan(step, first, _step_inputs(layout, controller, choose_inputs))
    live = jnp.moveaxis(jnp.asarray(layout.slots)[None] < lengths[:, None, None], 0, 1)
    return Rollout(
        genotypes=decided.choice[layout.step_and_slot[0], :, layout.step_and_slot[1]].T,
        log_probability=jnp.sum(jnp.where(live, decided.log_probability, 0), axis=(0, 2)),
        entropy=jnp.sum(jnp.where(live, decided.entropy, 0), axis=(0, 2)),
    )


def _step_inputs(layout: StepLayout, controller: Controller, choose_inputs: Array) -> _StepInputs:
    """Return the arrays of all steps, time first. A step gets only its own rows of a parameter, so its gradient stays small,
    too."""
    steps, units = len(layout.steps), controller.units
    slots = jnp.minimum(layout.slots, choose_inputs.shape[1] - 1)
    empty = jnp.zeros((steps, 1, units))
    rows = layout.choice_rows
    return _StepInputs(
        anchor=jnp.asarray(layout.anchor_numbers),
        filled=jnp.asarray(layout.slots != EMPTY_SLOT),
        width=jnp.asarray(layout.widths),
        embedding=controller.embedding[rows] if layout.has_softmax else empty,
        head=controller.head[rows] if layout.has_softmax else empty,
        bias=controller.bias[rows] if layout.has_softmax else empty[..., 0],
        choose_inputs=jnp.moveaxis(choose_inputs[:, slots], 0, 1),
    )


def _step_function(
    layout: StepLayout, controller: Controller, choose: Choose
) -> Callable[[_ScanState, _StepInputs, jax.Array], tuple[_ScanState, _StepResult]]:
    """Return the function that makes the decisions of a step from its top state: by softmax, by set selection, or by either."""

    def softmax(state: _ScanState, step: _StepInputs, top: jax.Array) -> tuple[_ScanState, _StepResult]:
        logits = top @ step.head.T + step.bias[None]
        possible = jnp.arange(logits.shape[-1]) < step.width
        decided = _choose_and_score(jnp.where(possible[None], logits, -jnp.inf)[:, None], step.choose_inputs[:, :1], choose)
        chosen = jax.nn.one_hot(decided.choice[:, 0], logits.shape[-1])
        missing = layout.slots.shape[1] - 1
        padded = jax.tree.map(lambda leaf: jnp.pad(leaf, ((0, 0), (0, missing))), decided)
        return state._replace(inputs=chosen @ step.embedding), padded

    def select(state: _ScanState, step: _StepInputs, top: jax.Array) -> tuple[_ScanState, _StepResult]:
        similar = jnp.tanh(state.projected + (top @ controller.current)[:, None])
        logits = similar @ controller.score[...]
        decided = _choose_and_score(jnp.stack([jnp.zeros_like(logits), logits], axis=-1), step.choose_inputs, choose)
        chosen = jnp.where(step.filled[None], decided.choice, 0).astype(top.dtype)
        mean = jnp.einsum("ba,bau->bu", chosen, state.anchors) / jnp.maximum(1, jnp.sum(chosen, axis=1, keepdims=True))
        after = state._replace(
            inputs=mean,
            anchors=lax.dynamic_update_slice_in_dim(state.anchors, top[:, None], step.anchor, axis=1),
            projected=lax.dynamic_update_slice_in_dim(
                state.projected, (top @ controller.previous)[:, None], step.anchor, axis=1
            ),
        )
        return after, decided

    if not layout.has_anchors:
        return softmax
    if not layout.has_softmax:
        return select
    return lambda state, step, top: lax.cond(step.anchor >= 0, select, softmax, state, step, top)


def _choose_and_score(logits: jax.Array, choose_inputs: jax.Array, choose: Choose) -> _StepResult:
    """Choose from logits (batch, slots, choices), which are minus infinity for impossible choices."""
    log_probabilities = jax.nn.log_softmax(logits)
    choice = choose(log_probabilities, choose_inputs).astype(jnp.int32)
    finite = jnp.where(jnp.isfinite(log_probabilities), log_probabilities, 0)
    return _StepResult(
        choice=choice,
        log_probability=jnp.take_along_axis(log_probabilities, choice[..., None], axis=-1)[..., 0],
        entropy=-jnp.sum(jnp.exp(log_probabilities) * finite, axis=-1),
    )

"""Walking a controller through the decisions: drawing genotypes, and the log-probability and entropy of given ones.

Both are one `scan` over the steps of the layout, in which each step either draws or is told what was decided. Decisions behind
a row's live length are stepped through as well but count for nothing; the LSTM only looks back, so they change nothing that
counts, and one compiled program serves every length of a curriculum.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from automl_cli.nn.controller.layout import NOWHERE, StepLayout
from automl_cli.nn.controller.network import Carry, Controller

Array = jax.Array | np.ndarray[Any, np.dtype[Any]]
"""What enters a compiled program from Python, or inside one."""

Choose = Callable[[jax.Array, jax.Array], jax.Array]
"""(log-probabilities (batch, slots, choices), what the caller gave (batch, slots)) -> indices (batch, slots)."""


class Rollout(NamedTuple):
    """Genotypes (batch, decisions) with the log-probability and the entropy of their live prefixes, each (batch,).

    The entropy is the sum of the entropies of the live decisions, each given what was decided before it. Its mean over drawn
    genotypes is the entropy of the policy.
    """

    genotypes: jax.Array
    log_probability: jax.Array
    entropy: jax.Array


class _Memory(NamedTuple):
    """What a step hands to the next. Anchor arrays have the shape (batch, anchors, units)."""

    carry: Carry
    inputs: jax.Array
    anchors: jax.Array
    projected: jax.Array


class _Step(NamedTuple):
    """What the scan hands to a step."""

    anchor: jax.Array
    filled: jax.Array
    width: jax.Array
    embedding: jax.Array
    head: jax.Array
    bias: jax.Array
    given: jax.Array


class _Decided(NamedTuple):
    """Shapes (batch, slots)."""

    choice: jax.Array
    log_probability: jax.Array
    entropy: jax.Array


MOST_EXPLORATION = 0.5
"""Share of uniform decisions at which a policy still shows, however short the genotypes are."""


def draw(layout: StepLayout, controller: Controller, uniforms: Array, lengths: Array, exploration: Array) -> Rollout:
    """Genotypes by inverse distribution function from uniforms in [0, 1), shape (batch, decisions).

    A row depends on its own uniforms and on the policy, not on the other rows. With probability exploration / length, shape of
    exploration (batch,), but at most 1/2, a decision is drawn uniformly; the log-probability is the policy's own all the same.
    """
    uniform_share = jnp.asarray(jnp.minimum(exploration / lengths, MOST_EXPLORATION))[:, None, None]

    def choose(log_probabilities: jax.Array, uniforms: jax.Array) -> jax.Array:
        possible = jnp.isfinite(log_probabilities)
        uniform = possible / jnp.sum(possible, axis=-1, keepdims=True)
        return _invert((1 - uniform_share) * jnp.exp(log_probabilities) + uniform_share * uniform, uniforms)

    return _rollout(layout, controller, uniforms, lengths, choose=choose)


def score(layout: StepLayout, controller: Controller, genotypes: Array, lengths: Array) -> Rollout:
    """The given genotypes, padded with any index behind their length, shape (batch, decisions)."""
    return _rollout(layout, controller, genotypes, lengths, choose=lambda _, given: given)


def _invert(probabilities: jax.Array, uniforms: jax.Array) -> jax.Array:
    """The first index whose cumulated probability exceeds the uniform; the last possible one where rounding leaves none."""
    last = jnp.max(jnp.where(probabilities > 0, jnp.arange(probabilities.shape[-1]), 0), axis=-1)
    return jnp.minimum(jnp.sum(uniforms[..., None] >= jnp.cumsum(probabilities, axis=-1), axis=-1), last)


def _rollout(layout: StepLayout, controller: Controller, given: Array, lengths: Array, *, choose: Choose) -> Rollout:
    batch, units, anchors = given.shape[0], controller.units, len(layout.decisions.anchors)
    empty = jnp.zeros((batch, anchors, units))
    first = _Memory(controller.first_carry(batch), jnp.tile(controller.start[None], (batch, 1)), empty, empty)
    decide = _decider(layout, controller, choose)

    def step(memory: _Memory, inputs: _Step) -> tuple[_Memory, _Decided]:
        carry, top = controller.advance(memory.carry, memory.inputs)
        return decide(memory._replace(carry=carry), inputs, top)

    _, decided = lax.scan(step, first, _scanned(layout, controller, given))
    live = jnp.moveaxis(jnp.asarray(layout.slots)[None] < lengths[:, None, None], 0, 1)
    return Rollout(
        genotypes=decided.choice[layout.where[0], :, layout.where[1]].T,
        log_probability=jnp.sum(jnp.where(live, decided.log_probability, 0), axis=(0, 2)),
        entropy=jnp.sum(jnp.where(live, decided.entropy, 0), axis=(0, 2)),
    )


def _scanned(layout: StepLayout, controller: Controller, given: Array) -> _Step:
    """The arrays of all steps, time first. A parameter enters as the rows of its step, so that its gradient stays as small."""
    steps, units = len(layout.steps), controller.units
    slots = jnp.minimum(layout.slots, given.shape[1] - 1)
    empty = jnp.zeros((steps, 1, units))
    rows = layout.choice_rows
    return _Step(
        anchor=jnp.asarray(layout.anchor_numbers),
        filled=jnp.asarray(layout.slots != NOWHERE),
        width=jnp.asarray(layout.widths),
        embedding=controller.embedding[rows] if layout.has_softmax else empty,
        head=controller.head[rows] if layout.has_softmax else empty,
        bias=controller.bias[rows] if layout.has_softmax else empty[..., 0],
        given=jnp.moveaxis(given[:, slots], 0, 1),
    )


def _decider(
    layout: StepLayout, controller: Controller, choose: Choose
) -> Callable[[_Memory, _Step, jax.Array], tuple[_Memory, _Decided]]:
    """What to do with the top state of a step: softmax, set selection, or whichever of the two the step is."""

    def softmax(memory: _Memory, step: _Step, top: jax.Array) -> tuple[_Memory, _Decided]:
        logits = top @ step.head.T + step.bias[None]
        possible = jnp.arange(logits.shape[-1]) < step.width
        decided = _decided(jnp.where(possible[None], logits, -jnp.inf)[:, None], step.given[:, :1], choose)
        chosen = jax.nn.one_hot(decided.choice[:, 0], logits.shape[-1])
        missing = layout.slots.shape[1] - 1
        padded = jax.tree.map(lambda leaf: jnp.pad(leaf, ((0, 0), (0, missing))), decided)
        return memory._replace(inputs=chosen @ step.embedding), padded

    def select(memory: _Memory, step: _Step, top: jax.Array) -> tuple[_Memory, _Decided]:
        similar = jnp.tanh(memory.projected + (top @ controller.current)[:, None])
        logits = similar @ controller.score[...]
        decided = _decided(jnp.stack([jnp.zeros_like(logits), logits], axis=-1), step.given, choose)
        chosen = jnp.where(step.filled[None], decided.choice, 0).astype(top.dtype)
        mean = jnp.einsum("ba,bau->bu", chosen, memory.anchors) / jnp.maximum(1, jnp.sum(chosen, axis=1, keepdims=True))
        after = memory._replace(
            inputs=mean,
            anchors=lax.dynamic_update_slice_in_dim(memory.anchors, top[:, None], step.anchor, axis=1),
            projected=lax.dynamic_update_slice_in_dim(
                memory.projected, (top @ controller.previous)[:, None], step.anchor, axis=1
            ),
        )
        return after, decided

    if not layout.has_anchors:
        return softmax
    if not layout.has_softmax:
        return select
    return lambda memory, step, top: lax.cond(step.anchor >= 0, select, softmax, memory, step, top)


def _decided(logits: jax.Array, given: jax.Array, choose: Choose) -> _Decided:
    """Logits (batch, slots, choices), minus infinity for what cannot be chosen."""
    log_probabilities = jax.nn.log_softmax(logits)
    choice = choose(log_probabilities, given).astype(jnp.int32)
    finite = jnp.where(jnp.isfinite(log_probabilities), log_probabilities, 0)
    return _Decided(
        choice=choice,
        log_probability=jnp.take_along_axis(log_probabilities, choice[..., None], axis=-1)[..., 0],
        entropy=-jnp.sum(jnp.exp(log_probabilities) * finite, axis=-1),
    )

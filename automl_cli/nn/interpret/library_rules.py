"""Optimizers of `optax.contrib` as transformations without a learning rate: parameters <- parameters - rate * update.

Both work on whole arrays, so they need the engine `whole`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
import optax.contrib
from jax import Array

INTERPOLATION = 0.9
"""beta1 of Schedule-Free: the gradient is taken at (1 - beta1) z + beta1 x."""

FLATTENED = optax.contrib.MuonDimensionNumbers(reduction_axis=(0, 1, 2), output_axis=3)
"""A kernel (height, width, in, out) as a matrix (height * width * in, out)."""


class AveragingState(NamedTuple):
    """State of Schedule-Free. Parameters are start - rate * offset; z and x are the offsets of the two sequences.

    `z` is the sum of all updates of the base optimizer, `x` the mean of `z` over the steps, both trees like the parameters;
    `steps` is the number of steps done, int32; `base` the state of the base optimizer.
    """

    z: Any
    x: Any
    steps: Array
    base: Any


def scale_by_muon() -> optax.GradientTransformation:
    """Return Muon (K. Jordan et al. 2024) with the constants of `optax.contrib.muon`.

    Matrices, and kernels of convolutions as matrices, get orthogonalized momentum; all other parameters Adam at the same rate.
    """
    return optax.chain(optax.contrib.muon(1.0, muon_weight_dimension_numbers=_as_matrices), optax.scale(-1.0))


def _as_matrices(parameters: Any) -> Any:
    """Return, for each parameter (…), the axes that make it a matrix; None for one that Adam trains."""
    forms = {2: optax.contrib.MuonDimensionNumbers(), 4: FLATTENED}
    return jax.tree.map(lambda parameter: forms.get(jnp.ndim(parameter)), parameters)


def scale_by_schedule_free(weight_decay: float = 0.0) -> optax.GradientTransformation:
    """Return Schedule-Free AdamW (arXiv 2405.15682, algorithm 1) with the constants of `optax.contrib.schedule_free_adamw`.

    With u the update of Adam without momentum, plus decay * y, at the parameters y that are trained:
        z <- z - rate * u,    x <- (1 - 1/t) x + z / t,    y = (1 - beta1) z + beta1 x
    At a constant rate all three are start - rate * offset, so their offsets need no rate. The network is scored at x:
    y - rate * `scoring_offset(state)`.
    """
    rms = optax.scale_by_rms(decay=0.999, eps=1e-8, eps_in_sqrt=False, bias_correction=True)
    base = optax.chain(rms, optax.add_decayed_weights(weight_decay))

    def init(parameters: Any) -> AveragingState:
        z, x = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))  # two copies, since engines give memory away
        return AveragingState(z, x, jnp.int32(0), base.init(parameters))

    def update(gradients: Any, state: AveragingState, parameters: Any = None) -> tuple[Any, AveragingState]:
        directions, base_state = base.update(gradients, state.base, parameters)
        share = 1 / (state.steps + 1)
        z = jax.tree.map(jnp.add, state.z, directions)
        x = jax.tree.map(lambda mean, new: mean + share * (new - mean), state.x, z)
        after = AveragingState(z, x, state.steps + 1, base_state)
        return jax.tree.map(jnp.subtract, _offset(after), _offset(state)), after

    return optax.GradientTransformation(init, update)


def _offset(state: AveragingState) -> Any:
    """Return the offset of the parameters that are trained, a tree like them."""
    return jax.tree.map(lambda z, x: (1 - INTERPOLATION) * z + INTERPOLATION * x, state.z, state.x)


def scoring_offset(state: Any) -> Any:
    """Return the offset of the parameters to score with, a tree like the parameters (…): they are parameters - rate * offset.

    `state` is that of any transformation; None where Schedule-Free is no part of it: then the parameters themselves are scored.
    """
    parts = jax.tree.leaves(state, is_leaf=lambda part: isinstance(part, AveragingState))
    for part in parts:
        if isinstance(part, AveragingState):
            return jax.tree.map(lambda z, x: (1 - INTERPOLATION) * (x - z), part.z, part.x)
    return None

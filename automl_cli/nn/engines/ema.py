"""The running mean of parameters that a training may keep and score with.

average <- d average + (1 - d) parameters,    d = min(decay, (1 + steps) / (10 + steps))
"""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

Tree = TypeVar("Tree")
"""Parameters as an engine holds them."""


def first_mean(decay: float | None, parameters: Tree) -> tuple[Tree | None, Array | None]:
    """The mean before the first step, and the steps in it; nothing without a decay."""
    if decay is None:
        return None, None
    return jax.tree.map(jnp.copy, parameters), jnp.zeros((), jnp.float32)


def running_mean(
    decay: float | None, average: Tree | None, averaged: Array | None, parameters: Tree
) -> tuple[Tree | None, Array | None]:
    """The mean with these parameters in it."""
    if decay is None or averaged is None:
        return None, None
    share = jnp.minimum(decay, (1 + averaged) / (10 + averaged))
    mean: Tree = jax.tree.map(lambda old, new: share * old + (1 - share) * new, average, parameters)
    return mean, averaged + 1

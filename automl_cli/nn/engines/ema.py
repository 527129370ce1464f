"""The exponential moving average of the parameters, which a training may keep and be scored with.

average <- d average + (1 - d) parameters,    d = min(decay, (1 + steps) / (10 + steps))
"""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

Tree = TypeVar("Tree")
"""Parameters as an engine holds them, a pytree of arrays."""


def initial_average(decay: float | None, parameters: Tree) -> tuple[Tree | None, Array | None]:
    """Return the average before the first step, a pytree like the parameters, and the number of steps in it, a float32 scalar.

    Without a decay both are None.
    """
    if decay is None:
        return None, None
    return jax.device_put((parameters, np.float32(0)), may_alias=False)


def updated_average(
    decay: float | None, average: Tree | None, averaged: Array | None, parameters: Tree
) -> tuple[Tree | None, Array | None]:
    """Return the average, a pytree, with these parameters included, and the number of steps in it, a scalar; None without a
    decay."""
    if decay is None or averaged is None:
        return None, None
    weight = jnp.minimum(decay, (1 + averaged) / (10 + averaged))
    mean: Tree = jax.tree.map(lambda old, new: weight * old + (1 - weight) * new, average, parameters)
    return mean, averaged + 1

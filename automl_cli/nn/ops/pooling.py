"""Pooling over windows."""

import jax.numpy as jnp
from jax import Array, lax


def max_pool(x: Array, window: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Maximum over windows, ceil(size / stride) of them per axis; padding is split evenly, the odd pixel at the bottom and
    right, and never wins."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *stride, 1), "SAME")

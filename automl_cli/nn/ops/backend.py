"""Which arrays the forms made for a CPU are for: float32 on a CPU. All others are given to XLA's own operations."""

import jax
import jax.numpy as jnp
from jax import Array


def for_cpu(x: Array) -> bool:
    """Whether operations on this array take their form for a CPU."""
    return jax.default_backend() == "cpu" and x.dtype == jnp.float32

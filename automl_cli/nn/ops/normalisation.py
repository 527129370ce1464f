"""Batch norm, with or without ReLU behind it (Ioffe and Szegedy, arXiv 1502.03167, algorithm 1)."""

import jax.numpy as jnp
from jax import Array, lax

EPSILON = 1e-5


def batch_norm(x: Array, scale: Array, offset: Array, *, relu: bool) -> tuple[Array, Array, Array]:
    """Normalise by the moments of this batch. Returns the result, the mean and the (biased) variance of each channel.

    y = relu((x - mean) / sqrt(variance + 1e-5) * scale + offset)

    No gradient flows through the returned moments, which are for running statistics.
    """
    mean = x.mean((0, 1, 2))
    variance = jnp.square(x - mean[None, None, None]).mean((0, 1, 2))
    return normalise(x, scale, offset, mean, variance, relu=relu), lax.stop_gradient(mean), lax.stop_gradient(variance)


def normalise(x: Array, scale: Array, offset: Array, mean: Array, variance: Array, *, relu: bool) -> Array:
    """Normalise by given moments, as at evaluation."""
    factor = scale * lax.rsqrt(variance + EPSILON)
    y = x * factor[None, None, None] + (offset - mean * factor)[None, None, None]
    return jnp.maximum(y, 0) if relu else y

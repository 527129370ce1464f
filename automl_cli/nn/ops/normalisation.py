"""Batch norm, with or without ReLU behind it (Ioffe and Szegedy, arXiv 1502.03167, algorithm 1).

What is different from the formula as written. The moments are sums of x and of its square, one pass over x instead of two. Both
normalising and its gradient are one multiplication and one addition per element, with everything else worked out per channel.
The gradient keeps nothing but x: where ReLU was active is found again. Its two sums go through large maps row by row, so that
what they add up stays in the cache. Whatever the type of x, all of it is worked out in float32, and moments, scale and offset
are float32.

    y = relu(a x + c),              a = scale / sqrt(variance + e),  c = offset - mean a
    dx = a u - a (mean of u) - a (x - mean) (mean of u (x - mean)) / (variance + e),    u = dy where y > 0
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.backend import for_cpu, numbers_of

EPSILON = 1e-5

LARGE = 2**20
"""Numbers of a map that is gone through row by row on a CPU: more than a core's cache holds."""

WORTH_A_LOOP = 2**18
"""Numbers of a map whose sums are worth a loop of their own."""

STATISTICS_MOMENTUM = 0.9
"""Running statistics keep this share of themselves at each step."""

Saved = tuple[Array, Array, Array, Array, Array]


def batch_norm(x: Array, scale: Array, offset: Array, *, relu: bool) -> tuple[Array, Array, Array]:
    """Normalise by the moments of this batch. Returns the result, the mean and the (biased) variance of each channel.

    No gradient flows through the returned moments, which are for running statistics.
    """
    return _batch_norm(x, scale, offset, relu)


def normalise(x: Array, scale: Array, offset: Array, mean: Array, variance: Array, *, relu: bool) -> Array:
    """Normalise by given moments, as at evaluation."""
    factor = scale * lax.rsqrt(variance + EPSILON)
    return _affine(x.astype(jnp.float32), factor, offset - mean * factor, relu).astype(x.dtype)


def moving_average(old: Array, new: Array) -> Array:
    """Running statistics after a step whose batch had the new ones."""
    return STATISTICS_MOMENTUM * old + (1 - STATISTICS_MOMENTUM) * new


def _affine(x: Array, factor: Array, shift: Array, relu: bool) -> Array:
    y = x * factor[None, None, None] + shift[None, None, None]
    return jnp.maximum(y, 0) if relu else y


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _batch_norm(x: Array, scale: Array, offset: Array, relu: bool) -> tuple[Array, Array, Array]:
    return _forward(x, scale, offset, relu)[0]


def _forward(x: Array, scale: Array, offset: Array, relu: bool) -> tuple[tuple[Array, Array, Array], Saved]:
    exact = x.astype(jnp.float32)
    mean = exact.mean((0, 1, 2))
    variance = jnp.maximum(jnp.square(exact).mean((0, 1, 2)) - jnp.square(mean), 0)
    y = normalise(x, scale, offset, mean, variance, relu=relu)
    return (y, mean, variance), (x, mean, lax.rsqrt(variance + EPSILON), scale, offset)


def _backward(relu: bool, saved: Saved, gradients: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    x, mean, inverse_deviation, scale, offset = saved
    factor = scale * inverse_deviation
    kept, x, gradient = x.dtype, x.astype(jnp.float32), gradients[0].astype(jnp.float32)

    def active_part(x: Array, gradient: Array) -> Array:
        return jnp.where(_affine(x, factor, offset - mean * factor, relu=False) > 0, gradient, 0) if relu else gradient

    examples = x.size // x.shape[-1]
    total, correlation = _total_and_correlation(active_part, x, gradient)
    scale_gradient = (correlation - mean * total) * inverse_deviation
    slope = -factor * inverse_deviation * scale_gradient / examples
    shift = -factor * total / examples - slope * mean
    active = active_part(x, gradient)
    x_gradient = active * factor[None, None, None] + x * slope[None, None, None] + shift[None, None, None]
    return x_gradient.astype(kept), scale_gradient, total


def _total_and_correlation(active_part: Callable[[Array, Array], Array], x: Array, gradient: Array) -> tuple[Array, Array]:
    """For each channel the sums of u and of x u, where u is the active part of the gradient."""

    ones = 1 if numbers_of(x.shape) >= WORTH_A_LOOP else 2

    def of(x: Array, gradient: Array) -> tuple[Array, Array]:
        active = active_part(x, gradient)
        return _sums(active, ones), _sums(active * x, ones)

    if numbers_of(x.shape) < LARGE or not for_cpu(x):
        return of(x, gradient)

    def add_row(sums: tuple[Array, Array], rows: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        total, correlation = of(*(row[None] for row in rows))
        return (sums[0] + total, sums[1] + correlation), None

    none = jnp.zeros(x.shape[-1], x.dtype)
    return lax.scan(add_row, (none, none), (x, gradient))[0]


def _sums(x: Array, ones: int) -> Array:
    """The sum of each channel. On a CPU a product with ones: a sum that XLA fuses with what it adds up is not vectorised.

    With one row of ones XLA compiles a loop for it, up to a fifth faster; with two it calls its library, which takes 12 ms less
    to compile.
    """
    if not for_cpu(x):
        return x.sum((0, 1, 2))
    places = x.reshape(-1, x.shape[-1])
    return (jnp.ones((ones, len(places)), x.dtype) @ places)[0]


_batch_norm.defvjp(_forward, _backward)

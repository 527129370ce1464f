"""Batch norm, with or without ReLU behind it (Ioffe and Szegedy, arXiv 1502.03167, algorithm 1).

Differences from the formula as written: the moments are sums of x and of its square, one pass over x instead of two.
Normalising and its gradient are one multiplication and one addition per element each, with everything else computed per
channel. The gradient saves only x and finds again where ReLU was active. Its two sums process large maps row by row, so that
their operands stay in the cache. Whatever the dtype of x, everything is computed in float32, and moments, scale and offset are
float32.

    y = relu(a x + c),              a = scale / sqrt(variance + e),  c = offset - mean a
    dx = a u - a (mean of u) - a (x - mean) (mean of u (x - mean)) / (variance + e),    u = dy where y > 0
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.backend import element_count, for_cpu

EPSILON = 1e-5

LARGE = 2**20
"""Elements of a map from which on it is processed row by row on a CPU: more than a core's cache holds."""

WORTH_A_LOOP = 2**18
"""Elements of a map from which on its sums are compiled as a loop."""

STATISTICS_MOMENTUM = 0.9
"""Share of the running statistics that is kept at each step."""

Saved = tuple[Array, Array, Array, Array, Array]


Known = tuple[Array, Array, Array]
"""Moments in place of those of a batch: whether to take them, a scalar bool; mean and variance, (channels,) each, float32."""


def batch_norm(x: Array, scale: Array, offset: Array, *, relu: bool, known: Known | None = None) -> tuple[Array, Array, Array]:
    """Normalise x (height, width, batch, channels) by the moments of this batch, or by the known ones where they say so, as one
    program for training and evaluation does.

    Returns the result in the dtype of x, and the mean and the (biased) variance of each channel, (channels,) each, float32. No
    gradient flows through the returned moments, which are for running statistics. Scale and offset are (channels,).
    """
    return _batch_norm(x, scale, offset, known, relu)


def normalise(x: Array, scale: Array, offset: Array, mean: Array, variance: Array, *, relu: bool) -> Array:
    """Normalise x (height, width, batch, channels) by known moments (channels,), as in evaluation; the dtype of x is kept."""
    factor = scale * lax.rsqrt(variance + EPSILON)
    return _affine(x.astype(jnp.float32), factor, offset - mean * factor, relu).astype(x.dtype)


def moving_average(old: Array, new: Array) -> Array:
    """Return the running statistics, (channels,), after a step whose batch had the statistics `new`."""
    return STATISTICS_MOMENTUM * old + (1 - STATISTICS_MOMENTUM) * new


def _affine(x: Array, factor: Array, shift: Array, relu: bool) -> Array:
    y = x * factor[None, None, None] + shift[None, None, None]
    return jnp.maximum(y, 0) if relu else y


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def _batch_norm(x: Array, scale: Array, offset: Array, known: Known | None, relu: bool) -> tuple[Array, Array, Array]:
    return _forward(x, scale, offset, known, relu)[0]


def _moments(x: Array) -> tuple[Array, Array]:
    """Return mean and variance of each channel of x (height, width, batch, channels): (channels,) each, float32."""
    exact = x.astype(jnp.float32)
    mean = exact.mean((0, 1, 2))
    return mean, jnp.maximum(jnp.square(exact).mean((0, 1, 2)) - jnp.square(mean), 0)


def _forward(
    x: Array, scale: Array, offset: Array, known: Known | None, relu: bool
) -> tuple[tuple[Array, Array, Array], Saved]:
    mean, variance = _moments(x)
    if known is not None:  # a branch would save a pass over x in evaluation, and take a fifth longer to compile
        take, known_mean, known_variance = known
        mean, variance = jnp.where(take, known_mean, mean), jnp.where(take, known_variance, variance)
    y = normalise(x, scale, offset, mean, variance, relu=relu)
    return (y, mean, variance), (x, mean, lax.rsqrt(variance + EPSILON), scale, offset)


def _backward(relu: bool, saved: Saved, gradients: tuple[Array, Array, Array]) -> tuple[Array, Array, Array, None]:
    x, mean, inverse_deviation, scale, offset = saved
    factor = scale * inverse_deviation
    dtype, x, gradient = x.dtype, x.astype(jnp.float32), gradients[0].astype(jnp.float32)

    def active_part(x: Array, gradient: Array) -> Array:
        return jnp.where(_affine(x, factor, offset - mean * factor, relu=False) > 0, gradient, 0) if relu else gradient

    examples = x.size // x.shape[-1]
    total, correlation = _total_and_correlation(active_part, x, gradient)
    scale_gradient = (correlation - mean * total) * inverse_deviation
    slope = -factor * inverse_deviation * scale_gradient / examples
    shift = -factor * total / examples - slope * mean
    active = active_part(x, gradient)
    x_gradient = active * factor[None, None, None] + x * slope[None, None, None] + shift[None, None, None]
    return x_gradient.astype(dtype), scale_gradient, total, None


def _total_and_correlation(active_part: Callable[[Array, Array], Array], x: Array, gradient: Array) -> tuple[Array, Array]:
    """Return, for each channel, the sums of u and of x u, where u is the active part of the gradient."""

    ones = 1 if element_count(x.shape) >= WORTH_A_LOOP else 2

    def sums_of(x: Array, gradient: Array) -> tuple[Array, Array]:
        active = active_part(x, gradient)
        return _sums(active, ones), _sums(active * x, ones)

    if element_count(x.shape) < LARGE or not for_cpu(x):
        return sums_of(x, gradient)

    def add_row(sums: tuple[Array, Array], rows: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        total, correlation = sums_of(*(row[None] for row in rows))
        return (sums[0] + total, sums[1] + correlation), None

    zeros = jnp.zeros(x.shape[-1], x.dtype)
    return lax.scan(add_row, (zeros, zeros), (x, gradient))[0]


def _sums(x: Array, ones: int) -> Array:
    """Return the sum of each channel. On a CPU it is a product with ones, since XLA does not vectorise a fused sum.

    With one row of ones XLA compiles a loop for it, up to a fifth faster; with two it calls its library, which takes 12 ms less
    to compile.
    """
    if not for_cpu(x):
        return x.sum((0, 1, 2))
    rows = x.reshape(-1, x.shape[-1])
    return (jnp.ones((ones, len(rows)), x.dtype) @ rows)[0]


_batch_norm.defvjp(_forward, _backward)

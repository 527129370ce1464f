"""Max pooling.

XLA's own gradient of a pool looks every window up one by one, several times slower on a CPU than moving whole arrays. Here
a pool is the maximum of shifted, strided views, one for each place in the window, and its gradient goes to the first place,
in row-major order, that held the maximum, as in XLA and in other frameworks.
"""

from functools import partial
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.core.operations import padding
from automl_cli.nn.ops.backend import for_cpu


class Window(NamedTuple):
    """Size of the windows and distance between them, along height and width."""

    size: tuple[int, int]
    stride: tuple[int, int]


def max_pool(x: Array, window: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Maximum over windows, ceil(size / stride) of them per axis; padding is split evenly, the odd pixel at the bottom and
    right, and never wins."""
    if not for_cpu(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (*window, 1, 1), (*stride, 1, 1), "SAME")
    return _max_pool(x, Window(window, stride))


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_pool(x: Array, window: Window) -> Array:
    return _forward(x, window)[0]


def _forward(x: Array, window: Window) -> tuple[Array, tuple[Array, Array]]:
    best, *others = _views(x, window, fill=-jnp.inf)
    place = jnp.zeros(best.shape, jnp.uint8)
    for number, view in enumerate(others, start=1):
        place = jnp.where(view > best, jnp.uint8(number), place)
        best = jnp.maximum(best, view)
    shape_of_x = jnp.zeros((0, *x.shape), x.dtype)
    return best, (place, shape_of_x)


def _backward(window: Window, saved: tuple[Array, Array], gradient: Array) -> tuple[Array]:
    place, shape_of_x = saved
    shares = [jnp.where(place == number, gradient, 0) for number in range(window.size[0] * window.size[1])]
    spread = jax.linear_transpose(
        partial(_views, window=window, fill=0), jax.ShapeDtypeStruct(shape_of_x.shape[1:], gradient.dtype)
    )
    return spread(shares)


_max_pool.defvjp(_forward, _backward)


def _views(x: Array, window: Window, *, fill: float) -> list[Array]:
    """For each place in a window, in row-major order, what stands there in all windows."""
    outputs = [-(-size // step) for size, step in zip(x.shape, window.stride, strict=False)]
    around = [padding(*axis, "same") for axis in zip(x.shape[:2], window.size, window.stride, strict=True)]
    x = lax.pad(x, jnp.array(fill, x.dtype), [(*pair, 0) for pair in around] + [(0, 0, 0)] * 2)
    spans = [(outputs[axis] - 1) * window.stride[axis] + 1 for axis in (0, 1)]
    return [
        x[i : i + spans[0] : window.stride[0], j : j + spans[1] : window.stride[1]]
        for i, j in product(range(window.size[0]), range(window.size[1]))
    ]

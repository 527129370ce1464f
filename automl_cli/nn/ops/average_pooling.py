"""Average pooling: the mean over windows, without the padding.

On a CPU sums are taken along rows and then along columns, for which XLA has fast loops that copy nothing to pad the map: mostly
half the time of adding shifted views of a padded one, or less. The gradient of windows that are apart is a sum of such views,
and each of its passes is kept by itself: fused they take two to three times as long.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.nn.ops.windows import Windows, scatter_contributions


def average_pool(
    x: Array, window: tuple[int, int], stride: tuple[int, int], *, padding: Literal["same", "valid"] = "same"
) -> Array:
    """Return the mean over windows of x (height, width, batch, channels), in the dtype of x.

    With "same" padding there are ceil(size / stride) windows per axis.
    """
    if padding == "valid" or not for_cpu(x):
        total = lax.reduce_window(x.astype(jnp.float32), 0.0, lax.add, (*window, 1, 1), (*stride, 1, 1), padding.upper())
        inside = window[0] * window[1] if padding == "valid" else _counts(Windows((x.shape[0], x.shape[1]), window, stride))
        return (total / inside).astype(x.dtype)
    return _average_pool(x, Windows((x.shape[0], x.shape[1]), window, stride))


def _counts(windows: Windows) -> np.ndarray:
    """Return the number of pixels of each window that lie on the map: (outputs, outputs, 1, 1)."""
    per_axis = []
    for size, side, step, (front, _) in zip(windows.size, windows.window, windows.stride, windows.pads, strict=True):
        starts = np.arange(-(-size // step)) * step - front
        per_axis.append(np.minimum(starts + side, size) - np.maximum(starts, 0))
    return np.multiply.outer(*per_axis)[:, :, None, None].astype(np.float32)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _average_pool(x: Array, windows: Windows) -> Array:
    return _mean(x, windows)


def _mean_over(x: Array, windows: Windows) -> Array:
    for axis in (0, 1):
        x = _sums(x, axis, windows.window[axis], windows.stride[axis], windows.pads[axis])
    return x / _counts(windows)


def _scatter_mean(gradient: Array, windows: Windows) -> Array:
    x = _shares(gradient, windows)
    for axis in (1, 0):
        if windows.stride[axis] == 1:
            x = _sums(x, axis, windows.window[axis], 1, windows.pads[axis][::-1])
        else:
            x = _scatter(x, windows.along(axis, x.shape[1 - axis]))
    return x


def _shares_of(gradient: Array, windows: Windows) -> Array:
    return gradient / _counts(windows)


def _scatter_along(y: Array, windows: Windows) -> Array:
    return scatter_contributions((y,), lambda _, y: y, windows)


def _sums(x: Array, axis: int, side: int, step: int, pads: tuple[int, int]) -> Array:
    """Return the sums over windows along one axis of x (height, width, batch, channels)."""
    sides, steps, zeros = [1] * 4, [1] * 4, [(0, 0)] * 4
    sides[axis], steps[axis], zeros[axis] = side, step, pads
    return lax.reduce_window(x, 0.0, lax.add, sides, steps, zeros)


_shares = outlined(_shares_of, static=(1,))
_scatter = outlined(_scatter_along, static=(1,))
_mean = outlined(_mean_over, static=(1,))
_mean_gradient = outlined(_scatter_mean, static=(1,))
_average_pool.defvjp(
    lambda x, windows: (_mean(x, windows), None),
    lambda windows, _, gradient: (_mean_gradient(gradient, windows),),
)

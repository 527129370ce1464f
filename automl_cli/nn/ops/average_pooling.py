"""Average pooling: the mean over windows, without the padding."""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.nn.ops.windows import Windows, gather, scatter_unweighted


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
    return gather(x, _ones(windows), windows) / _counts(windows)


def _scatter_mean(gradient: Array, windows: Windows) -> Array:
    return scatter_unweighted(gradient / _counts(windows), windows)


def _ones(windows: Windows) -> Array:
    return jnp.ones((*windows.window, 1), jnp.float32)


_mean = outlined(_mean_over, static=(1,))
_mean_gradient = outlined(_scatter_mean, static=(1,))
_average_pool.defvjp(
    lambda x, windows: (_mean(x, windows), None),
    lambda windows, _, gradient: (_mean_gradient(gradient, windows),),
)

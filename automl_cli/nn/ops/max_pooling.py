"""Max pooling.

XLA's own gradient of a pool searches every window separately, several times slower on a CPU than moving whole arrays. Here a
pool is the maximum of shifted, strided views (`windows`), one for each position in the window, and saves which position held
it: the first in row-major order, as in XLA and other frameworks (for windows with NaN the position that takes the gradient
differs). Backward, every pixel takes the gradients of the windows whose maximum it held. Both are one loop each over whole
arrays, if nothing is fused into them.

A window larger than 3 x 3 is reduced along its rows first and then along its one column of maxima, with a third of the
comparisons; the position of the maximum is the same.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.nn.ops.windows import Windows, scatter_contributions, views


def max_pool(x: Array, window: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Return the maximum over windows of x (height, width, batch, channels), ceil(size / stride) windows per axis.

    Padding is even, with an odd pixel at the bottom and right, and never the maximum.
    """
    if not for_cpu(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (*window, 1, 1), (*stride, 1, 1), "SAME")
    if min(window) == 1 or max(window) <= 3:
        return _max_pool(x, Windows((x.shape[0], x.shape[1]), window, stride))
    of_rows = max_pool(x, (1, window[1]), (1, stride[1]))
    return max_pool(of_rows, (window[0], 1), (stride[0], 1))


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_pool(x: Array, windows: Windows) -> Array:
    return _outlined_max(x, windows)[0]


def _max_and_argmax(x: Array, windows: Windows) -> tuple[Array, Array]:
    """Return the maximum of each window, and the number of the position that holds it."""
    best, *others = views(x, windows, fill=-jnp.inf)
    number_type = jnp.uint8 if len(others) < 2**8 else jnp.uint16
    argmax = jnp.zeros(best.shape, number_type)
    for number, view in enumerate(others, start=1):
        argmax = jnp.where(view > best, number_type(number), argmax)
        best = jnp.maximum(best, view)
    return best, argmax


def _max_gradient(gradient: Array, argmax: Array, windows: Windows) -> Array:
    if windows.window == windows.stride and windows.pads == ((0, 0), (0, 0)):
        return _spread_gradient(gradient, argmax, windows)

    def contribution(offset: tuple[int, int], gradient: Array, argmax: Array) -> Array:
        return jnp.where(argmax == argmax.dtype.type(windows.offsets.index(offset)), gradient, 0)

    return scatter_contributions((gradient, argmax), contribution, windows)


def _spread_gradient(gradient: Array, argmax: Array, windows: Windows) -> Array:
    """Return the gradient of windows that lie side by side and cover the map: one loop over it."""
    (height, width), (batch, channels) = windows.outputs, gradient.shape[2:]
    rows, columns = windows.window
    numbers = jnp.arange(rows * columns, dtype=argmax.dtype).reshape(1, rows, 1, columns, 1, 1)
    of_pixel = jnp.where(argmax[:, None, :, None] == numbers, gradient[:, None, :, None], 0)
    return of_pixel.reshape(height * rows, width * columns, batch, channels)


_outlined_max = outlined(_max_and_argmax, static=(1,))
_outlined_gradient = outlined(_max_gradient, static=(2,))
_max_pool.defvjp(_outlined_max, lambda windows, argmax, gradient: (_outlined_gradient(gradient, argmax, windows),))

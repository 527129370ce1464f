"""Max pooling.

XLA's own gradient of a pool looks every window up one by one, several times slower on a CPU than moving whole arrays. Here a
pool is the maximum of shifted, strided views (`windows`), one for each place in the window, and remembers which place held
it: the first in row-major order, as in XLA and in other frameworks (where a window holds NaN, which place takes the gradient
differs). Backward, every place of the map looks at the windows over it and takes the gradient of those that remember it. Both
are one loop each over whole arrays, if nothing is fused into them.

A window of more than 3 x 3 is gone through along its rows first and then along its one column of maxima, with a third of the
comparisons; the place that holds the maximum is the same.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.nn.ops.windows import Windows, send_back, views


def max_pool(x: Array, window: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Maximum over windows, ceil(size / stride) of them per axis; padding is split evenly, the odd pixel at the bottom and
    right, and never wins."""
    if not for_cpu(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (*window, 1, 1), (*stride, 1, 1), "SAME")
    if min(window) == 1 or max(window) <= 3:
        return _max_pool(x, Windows((x.shape[0], x.shape[1]), window, stride))
    of_rows = max_pool(x, (1, window[1]), (1, stride[1]))
    return max_pool(of_rows, (window[0], 1), (stride[0], 1))


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_pool(x: Array, windows: Windows) -> Array:
    return _best(x, windows)[0]


def _best_and_place(x: Array, windows: Windows) -> tuple[Array, Array]:
    """The maximum of each window, and the number of the place that held it."""
    best, *others = views(x, windows, fill=-jnp.inf)
    number_type = jnp.uint8 if len(others) < 2**8 else jnp.uint16
    held = jnp.zeros(best.shape, number_type)
    for number, view in enumerate(others, start=1):
        held = jnp.where(view > best, number_type(number), held)
        best = jnp.maximum(best, view)
    return best, held


def _return(gradient: Array, held: Array, windows: Windows) -> Array:
    def share(place: tuple[int, int], gradient: Array, held: Array) -> Array:
        return jnp.where(held == held.dtype.type(windows.places.index(place)), gradient, 0)

    return send_back((gradient, held), share, windows)


_best = outlined(_best_and_place, static=(1,))
_returned = outlined(_return, static=(2,))
_max_pool.defvjp(_best, lambda windows, held, gradient: (_returned(gradient, held, windows),))

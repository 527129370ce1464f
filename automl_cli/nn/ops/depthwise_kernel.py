"""The gradient of a depthwise convolution for its kernel, on a CPU.

    g[u, v, c] = sum over (b, i, j) of x[b, i s + u d - p, j s + v d - p, c] dy[b, i, j, c]

It is computed for one row u of the kernel at a time: an unrolled sum over the columns j of the map, with all columns v of the
kernel as an axis of the result, so that one loop over (b, i, v, c) suffices. The remaining sum over (b, i) is a separate
reduction: fused with the products, neither would vectorise. The examples are copied one behind the other first, so that the
loop reads a row of one example, which fits the nearest cache. Unrolling the rows of the map instead, with the examples inside,
needs no copies and takes two to four times as long on maps of 32 x 32.
"""

from functools import partial, reduce
from operator import add

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.no_inline import outlined
from automl_cli.nn.ops.windows import Pair, Windows

TERMS = 32
"""Terms of one unrolled sum. Longer sums are split, so that programs do not grow with the image."""


def kernel_gradient(x: Array, gradient: Array, windows: Windows, *, relu: bool = False) -> Array:
    """Return the gradient for the kernel, (window height, window width, channels).

    x (height, width, batch, channels) is the input, of which `relu` takes the positive part; `gradient` (outputs, outputs,
    batch, channels) is the gradient of the output.
    """
    outputs, step = windows.outputs[1], windows.stride[1]
    parts = -(-outputs // TERMS)
    size = -(-outputs // parts)
    columns_read = (size - 1) * step + windows.dilation * (windows.window[1] - 1) + 1
    rows, (front, _) = windows.pads

    def part(start: int) -> Array:
        first = start * step - front
        x_part = _examples_first(x, rows, (first, first + columns_read), relu)
        gradient_part = _examples_first(gradient, (0, 0), (start, start + size), False)
        return jnp.stack([_sum(_products(x_part, gradient_part, windows, row)) for row in range(windows.window[0])])

    return reduce(add, map(part, range(0, parts * size, size)))


def _columns(x: Array, rows: Pair, columns: Pair, relu: bool) -> Array:
    """Return these columns of a zero-padded map, with zeros above and below: (batch, height, width, channels)."""
    behind = columns[1] - x.shape[1]
    padded = lax.pad(
        jnp.maximum(x, 0) if relu else x, jnp.zeros((), x.dtype), [(*rows, 0), (-columns[0], behind, 0), *[(0, 0, 0)] * 2]
    )
    return padded.transpose(2, 0, 1, 3)


def _products_of_a_row(x: Array, gradient: Array, windows: Windows, row: int) -> Array:
    """Return the products for one row of the kernel, summed over the map's columns: (batch, output rows, k columns, channels).

    x and gradient are (batch, height, width, channels).
    """
    examples, height, width, channels = gradient.shape
    dilation, (down, right), top = windows.dilation, windows.stride, row * windows.dilation
    bottom, reach = top + down * (height - 1) + 1, dilation * (windows.window[1] - 1) + 1

    def window(left: int) -> Array:
        return lax.slice(x, (0, top, left, 0), (examples, bottom, left + reach, channels), (1, down, dilation, 1))

    return reduce(add, (window(right * at) * gradient[:, :, at : at + 1] for at in range(width)))


_products = outlined(_products_of_a_row, static=(2, 3))
_examples_first = outlined(_columns, static=(1, 2, 3))
_sum = outlined(partial(jnp.sum, axis=(0, 1)))

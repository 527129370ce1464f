"""The gradient of a depthwise convolution for its kernel, on a CPU:

    g[u, v, c] = sum over (b, i, j) of x[b, i s + u d - p, j s + v d - p, c] dy[b, i, j, c]

It is worked out for one row u of the kernel at a time: an unrolled sum over the columns j of the map, all columns v of the
kernel as an axis of the result, so that one loop over (b, i, v, c) does it. What is left, the sum over (b, i), is a reduction
of its own: fused with the products, neither would vectorise. The examples are laid out one behind the other first, so that
such a loop reads a row of one example, which the nearest cache holds; unrolling the rows of the map instead, with the examples
inside, needs no copies and takes two to four times as long on maps of 32 x 32.
"""

from functools import partial, reduce
from operator import add

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.no_inline import outlined
from automl_cli.nn.ops.windows import Pair, Windows

TERMS = 32
"""Terms of one unrolled sum; longer ones are cut, so that programs do not grow with the image."""


def kernel_gradient(x: Array, gradient: Array, windows: Windows, *, relu: bool = False) -> Array:
    """(window height, window width, channels), from the input (with `relu` its positive part) and the gradient of the output,
    both (height, width, batch, channels)."""
    outputs, step = windows.outputs[1], windows.stride[1]
    parts = -(-outputs // TERMS)
    size = -(-outputs // parts)
    needed = (size - 1) * step + windows.dilation * (windows.window[1] - 1) + 1
    rows, (front, _) = windows.pads

    def part(start: int) -> Array:
        first = start * step - front
        x_part = _examples_first(x, rows, (first, first + needed), relu)
        gradient_part = _examples_first(gradient, (0, 0), (start, start + size), False)
        return jnp.stack([_sum(_products(x_part, gradient_part, windows, row)) for row in range(windows.window[0])])

    return reduce(add, map(part, range(0, parts * size, size)))


def _columns(x: Array, rows: Pair, columns: Pair, relu: bool) -> Array:
    """Columns from the first to the last of these, and zeros above and below, of a map that is zero all around: (batch, height,
    width, channels)."""
    behind = columns[1] - x.shape[1]
    around = lax.pad(
        jnp.maximum(x, 0) if relu else x, jnp.zeros((), x.dtype), [(*rows, 0), (-columns[0], behind, 0), *[(0, 0, 0)] * 2]
    )
    return around.transpose(2, 0, 1, 3)


def _products_of_a_row(x: Array, gradient: Array, windows: Windows, row: int) -> Array:
    """(batch, outputs of a column, k columns, channels) for one row of the kernel: products summed over the columns of the map.

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

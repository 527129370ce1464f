"""The gradient of a depthwise convolution for its kernel, on a CPU:

    g[u, v, c] = sum over (b, i, j) of x[i s + u d - p, j s + v d - p, b, c] dy[i, j, b, c]

Both forms leave part of the sum to be done afterwards, as a reduction of its own: fused with the products, neither would
vectorise. They unroll the sum along one axis of the map, and so get the places of the kernel along that axis for nothing.

    rows      unrolls the rows i; one loop for each column v of the kernel, over (u, j, b, c). Operands stay as they are and
              the program is small, but from one u to the next the loop goes through whole rows of all examples, which leave
              the cache meanwhile.
    examples  lays the examples out one behind the other, unrolls the columns j; one loop for each row u, over (b, i, v, c):
              what it reads is a row of one example. On maps of 32 x 32 two to four times as fast, in spite of the copies; a
              program takes up to twice as long to compile.

The rule is measured: the first for kernels of 3 x 3, where both take as long, and for maps as small as 8 x 8, where a call
takes a tenth of a millisecond.
"""

from functools import reduce
from operator import add

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.outlines import outlined
from automl_cli.nn.ops.windows import Pair, Windows, padded

TERMS = 32
"""Terms of one unrolled sum; longer ones are cut, so that programs do not grow with the image."""

SMALL_MAP = 100
"""Outputs of a map for which the copies of the form `examples` do not pay."""


def kernel_gradient(x: Array, gradient: Array, windows: Windows) -> Array:
    """(window height, window width, channels), from the input and the gradient of the output."""
    height, width = windows.outputs
    small = height * width <= SMALL_MAP or max(windows.window) <= 3
    return (by_rows if small else by_examples)(padded(x, windows), gradient, windows)


def by_rows(x: Array, gradient: Array, windows: Windows) -> Array:
    """The form `rows`; x with its zeros around."""
    count, size, needed = _parts(windows, axis=0)
    x, gradient = _filled(x, (count - 1) * size * windows.stride[0] + needed, 0), _filled(gradient, count * size, 0)
    starts = range(0, count * size, size)
    parts = [_row_products(x[at * windows.stride[0] :][:needed], gradient[at : at + size], windows) for at in starts]
    height, width = windows.window
    return reduce(add, parts).reshape(width, height, -1, x.shape[-1]).sum(2).swapaxes(0, 1)


def by_examples(x: Array, gradient: Array, windows: Windows) -> Array:
    """The form `examples`; x with its zeros around."""
    count, size, needed = _parts(windows, axis=1)
    x, gradient = _filled(x, (count - 1) * size * windows.stride[1] + needed, 1), _filled(gradient, count * size, 1)

    def part(at: int) -> Array:
        behind = at * windows.stride[1]
        turned = _examples_first(x[:, behind : behind + needed]), _examples_first(gradient[:, at : at + size])
        return jnp.stack([_sum(_example_products(*turned, windows, row)) for row in range(windows.window[0])])

    return reduce(add, map(part, range(0, count * size, size)))


def _parts(windows: Windows, *, axis: int) -> tuple[int, int, int]:
    """In how many equal parts the outputs along an axis are cut, how many there are in each, and how much of x they need."""
    count = -(-windows.outputs[axis] // TERMS)
    size = -(-windows.outputs[axis] // count)
    return count, size, (size - 1) * windows.stride[axis] + windows.dilation * (windows.window[axis] - 1) + 1


def _filled(array: Array, length: int, axis: int) -> Array:
    """Zeros behind an axis up to this length."""
    missing = max(0, length - array.shape[axis])
    return jnp.pad(array, [(0, missing if number == axis else 0) for number in range(array.ndim)]) if missing else array


def _products_by_rows(x: Array, gradient: Array, windows: Windows) -> Array:
    """(k columns, k rows, outputs of a row, batch, channels): products summed over the rows of the map."""
    (height, width), dilation, (down, right) = windows.window, windows.dilation, windows.stride
    reach = dilation * (height - 1) + 1
    columns = []
    for left in range(0, dilation * width, dilation):
        right_end = left + right * (gradient.shape[1] - 1) + 1
        terms = (
            lax.slice(x, (top, left, 0, 0), (top + reach, right_end, *x.shape[2:]), (dilation, right, 1, 1)) * row[None]
            for top, row in zip(range(0, down * len(gradient), down), gradient, strict=True)
        )
        columns.append(reduce(add, terms))
    return jnp.stack(columns)


def _products_by_examples(x: Array, gradient: Array, windows: Windows, row: int) -> Array:
    """(batch, outputs of a column, k columns, channels) for one row of the kernel: products summed over the columns of the map.

    x and gradient are (batch, height, width, channels).
    """
    examples, height, width, channels = gradient.shape
    dilation, (down, right), top = windows.dilation, windows.stride, row * windows.dilation
    ends: Pair = (top + down * (height - 1) + 1, dilation * (windows.window[1] - 1) + 1)
    terms = (
        lax.slice(x, (0, top, right * at, 0), (examples, ends[0], right * at + ends[1], channels), (1, down, dilation, 1))
        * gradient[:, :, at : at + 1]
        for at in range(width)
    )
    return reduce(add, terms)


_row_products = outlined(_products_by_rows, static=(2,))
_example_products = outlined(_products_by_examples, static=(2, 3))
_examples_first = outlined(lambda x: x.transpose(2, 0, 1, 3))
_sum = outlined(lambda products: products.sum((0, 1)))

"""Convolution as one matrix product for all taps (positions of the kernel) at once: the form for few taps and few filters.

Method, without dilation: every pixel of the padded map times the kernels of all taps, then the sum of shifted slices, each of
one tap's columns. Backward it is the same in the other direction, with p and q zeros in front:

    Z[i, j, b, (u, v, o)] = sum over c of padded[i, j, b, c] kernel[u, v, c, o]
    y[i, j, b, o] = sum over (u, v) of Z[i + u, j + v, b, (u, v, o)]
    D[i, j, b, (u, v, o)] = dy[i - u + p, j - v + q, b, o],    dx = D W',    dW = x' D,    with W (channels, k l filters)

Speed on a CPU: XLA's own convolution and its gradients have no fast routine for few filters. The products are library calls,
and the shifts one loop over whole arrays each.

Limits: Z and D have k l times as many columns as y, and D is a sum of k l maps of that size: from 16 taps or some 80 columns on
other forms are faster. On large maps Z and D need more memory than they are worth. A stride would discard most of Z, so strided
convolutions are left to XLA.
"""

from functools import partial, reduce
from itertools import product
from operator import add

import jax
from jax import Array, lax

from automl_cli.nn.ops import native
from automl_cli.nn.ops.native import Pads, Pair


def convolution(x: Array, kernel: Array, stride: Pair, *, pads: Pads | None = None, dilation: int = 1) -> Array:
    """Return the convolution of x (height, width, batch, channels) with a kernel (k, l, channels, filters).

    See `ops.convolution`. `pads` are as in `native`.
    """
    if stride != (1, 1):
        return native.convolution(x, kernel, stride, pads=pads, dilation=dilation)
    return _convolution(x, kernel, pads or native.half(kernel.shape), dilation)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolution(x: Array, kernel: Array, pads: Pads, dilation: int) -> Array:
    padded = lax.pad(x, x.dtype.type(0), [(*pads[0], 0), (*pads[1], 0), (0, 0, 0), (0, 0, 0)])
    of_all_taps = padded @ _columns(kernel)
    batch, filters = x.shape[2], kernel.shape[3]
    height, width = (padded.shape[axis] - dilation * (kernel.shape[axis] - 1) for axis in (0, 1))

    def shifted(tap: int, offset: Pair) -> Array:
        down, right = offset
        ends = (down + height, right + width, batch, (tap + 1) * filters)
        return lax.slice(of_all_taps, (down, right, 0, tap * filters), ends)

    return reduce(add, (shifted(tap, offset) for tap, offset in enumerate(_tap_offsets(kernel, dilation))))


def _forward(x: Array, kernel: Array, pads: Pads, dilation: int) -> tuple[Array, tuple[Array, Array]]:
    return _convolution(x, kernel, pads, dilation), (x, kernel)


def _backward(pads: Pads, dilation: int, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, kernel = saved
    height, width, channels, filters = kernel.shape
    (top, _), (left, _) = pads
    scattered = _scatter(gradient, kernel, dilation)[top : top + x.shape[0], left : left + x.shape[1]]
    of_all_taps = scattered.reshape(-1, height * width * filters)
    x_gradient = (of_all_taps @ _columns(kernel).T).reshape(x.shape)
    kernel_gradient = lax.dot_general(x.reshape(-1, channels), of_all_taps, (((0,), (0,)), ((), ())))
    return x_gradient, kernel_gradient.reshape(channels, height, width, filters).transpose(1, 2, 0, 3)


_convolution.defvjp(_forward, _backward)


def _scatter(gradient: Array, kernel: Array, dilation: int) -> Array:
    """Return for every pixel of the padded map, and every tap, the gradient of the output that the pixel reached through the
    tap."""
    reach = [dilation * (side - 1) for side in kernel.shape[:2]]
    taps, filters = kernel.shape[0] * kernel.shape[1], kernel.shape[3]

    def placed(tap: int, offset: Pair) -> Array:
        rows, columns = ((shift, end - shift, 0) for shift, end in zip(offset, reach, strict=True))
        among_taps = (tap * filters, (taps - 1 - tap) * filters, 0)
        return lax.pad(gradient, gradient.dtype.type(0), [rows, columns, (0, 0, 0), among_taps])

    return reduce(add, (placed(tap, offset) for tap, offset in enumerate(_tap_offsets(kernel, dilation))))


def _columns(kernel: Array) -> Array:
    """Return the kernels of all taps side by side: (channels, height * width * filters)."""
    return kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)


def _tap_offsets(kernel: Array, dilation: int) -> list[Pair]:
    """Return the row and column offset of each tap, in row-major order."""
    rows, columns = (range(0, dilation * side, dilation) for side in kernel.shape[:2])
    return list(product(rows, columns))

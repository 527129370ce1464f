"""Depthwise convolution: one k x k kernel per channel.

What it computes, on a CPU. Forward pass and gradient for the input are sums of k * k shifted arrays (`windows`), each one loop
over the whole map. The gradient for the kernel

    g[u, v, c] = sum over (i, j, b) of x[i s + u d - p, j s + v d - p, b, c] dy[i, j, b, c]

is worked out for one column of the kernel at a time: an unrolled sum over the rows i of the map, all rows u of the kernel as an
axis of the result, so that one loop goes over long contiguous runs. What is left, the sum over (j, b), is a reduction of its
own: fused with the products, neither would vectorise.

Where it stops being the fastest: nowhere on a CPU, where XLA's own form is ten times slower. On a GPU XLA's own is taken.
"""

from functools import partial, reduce
from operator import add

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.outlines import outlined
from automl_cli.nn.ops.windows import Windows, gather, padded, spread

ROWS_OF_A_SUM = 32
"""Rows of the map that one unrolled sum takes; longer ones are cut, so that programs do not grow with the image."""


def depthwise(x: Array, kernel: Array, *, stride: int = 1, dilation: int = 1) -> Array:
    """Cross-correlation of every channel with its own kernel, "same" padding.

    x is (height, width, batch, channels), the kernel (k, k, channels), the result (ceil(height / stride), ceil(width / stride),
    batch, channels).
    """
    if for_cpu(x):
        size = (x.shape[0], x.shape[1])
        return _depthwise(x, kernel, Windows(size, (kernel.shape[0], kernel.shape[1]), (stride, stride), dilation))
    return lax.conv_general_dilated(
        x,
        kernel[:, :, None],
        (stride, stride),
        "SAME",
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("HWNC", "HWIO", "HWNC"),
        feature_group_count=x.shape[-1],
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _depthwise(x: Array, kernel: Array, windows: Windows) -> Array:
    return _gather(x, kernel, windows)


def _forward(x: Array, kernel: Array, windows: Windows) -> tuple[Array, tuple[Array, Array]]:
    return _gather(x, kernel, windows), (x, kernel)


def _backward(windows: Windows, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, kernel = saved
    return _spread(gradient, kernel, windows), _kernel_gradient(x, gradient, windows)


_depthwise.defvjp(_forward, _backward)

_gather = outlined(gather, static=(2,))
_spread = outlined(spread, static=(2,))


def _kernel_gradient(x: Array, gradient: Array, windows: Windows) -> Array:
    """(k, k, channels). The rows of the map in equal parts, one program for all of them."""
    x = padded(x, windows)
    outputs = windows.outputs[0]
    parts = -(-outputs // ROWS_OF_A_SUM)
    rows = -(-outputs // parts)
    gradient = jnp.pad(gradient, ((0, parts * rows - outputs), (0, 0), (0, 0), (0, 0)))
    needed = (rows - 1) * windows.stride[0] + windows.dilation * (windows.window[0] - 1) + 1
    x = jnp.pad(x, ((0, max(0, (parts - 1) * rows * windows.stride[0] + needed - len(x))), (0, 0), (0, 0), (0, 0)))
    starts = [part * rows for part in range(parts)]
    products = [_products(x[start * windows.stride[0] :][:needed], gradient[start : start + rows], windows) for start in starts]
    total = reduce(add, products)
    height, width = windows.window
    return total.reshape(width, height, -1, x.shape[-1]).sum(2).swapaxes(0, 1)


def _column_products(x: Array, gradient: Array, windows: Windows) -> Array:
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


_products = outlined(_column_products, static=(2,))

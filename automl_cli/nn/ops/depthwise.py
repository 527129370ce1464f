"""Depthwise convolution: one k x k kernel per channel.

What it computes, on a CPU. Forward pass and gradient for the input are sums of k * k shifted arrays (`windows`), each one loop
over the whole map; the gradient for the kernel is a matter of its own (`depthwise_kernel`).

Where it stops being the fastest: nowhere on a CPU, where XLA's own form is ten times slower. On a GPU XLA's own is taken.
"""

from functools import partial

import jax
from jax import Array, lax

from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.depthwise_kernel import kernel_gradient
from automl_cli.nn.ops.outlines import outlined
from automl_cli.nn.ops.windows import Windows, gather, spread


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
    return _spread(gradient, kernel, windows), kernel_gradient(x, gradient, windows)


_depthwise.defvjp(_forward, _backward)

_gather = outlined(gather, static=(2,))
_spread = outlined(spread, static=(2,))

"""Depthwise convolution: one k x k kernel per channel.

Method on a CPU: the forward pass and the gradient for the input are sums of k * k shifted arrays (`windows`), each one loop
over the whole map. The gradient for the kernel has a module of its own (`depthwise_kernel`).

Use: always on a CPU, where XLA's own form is ten times slower. On a GPU XLA's own form is used.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.depthwise_kernel import kernel_gradient
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.nn.ops.windows import Windows, gather, scatter_add


def depthwise(x: Array, kernel: Array, *, stride: int = 1, dilation: int = 1, relu: bool = False) -> Array:
    """Return the cross-correlation of every channel of x with its own kernel, with "same" padding.

    x is (height, width, batch, channels), the kernel (k, k, channels), the result (ceil(height / stride), ceil(width / stride),
    batch, channels). With `relu`, x is replaced by its positive part. On a CPU that costs nothing: it happens in the copy that
    pads the map, and only x is saved for the gradient.
    """
    if for_cpu(x):
        size = (x.shape[0], x.shape[1])
        return _depthwise(x, kernel, Windows(size, (kernel.shape[0], kernel.shape[1]), (stride, stride), dilation), relu)
    return lax.conv_general_dilated(
        jax.nn.relu(x) if relu else x,
        kernel[:, :, None],
        (stride, stride),
        "SAME",
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("HWNC", "HWIO", "HWNC"),
        feature_group_count=x.shape[-1],
    )


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _depthwise(x: Array, kernel: Array, windows: Windows, relu: bool) -> Array:
    return _gather(x, kernel, windows, relu)


def _forward(x: Array, kernel: Array, windows: Windows, relu: bool) -> tuple[Array, tuple[Array, Array]]:
    return _gather(x, kernel, windows, relu), (x, kernel)


def _backward(windows: Windows, relu: bool, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, kernel = saved
    x_gradient = _scatter(gradient, kernel, windows)
    if relu:
        x_gradient = jnp.where(x > 0, x_gradient, 0)
    return x_gradient, kernel_gradient(x, gradient, windows, relu=relu)


_depthwise.defvjp(_forward, _backward)


def _gather_active(x: Array, kernel: Array, windows: Windows, relu: bool) -> Array:
    return gather(jnp.maximum(x, 0) if relu else x, kernel, windows)


_gather = outlined(_gather_active, static=(2, 3))
_scatter = outlined(scatter_add, static=(2,))

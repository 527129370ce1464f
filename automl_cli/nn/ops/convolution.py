"""Convolution: one face, several forms."""

from jax import Array

from automl_cli.nn.ops import native


def convolution(x: Array, kernel: Array, *, stride: tuple[int, int] = (1, 1)) -> Array:
    """Cross-correlation with k // 2 zeros on every side.

    y[b, i, j, o] = sum over (u, v, c) of x[b, i s + u - k // 2, j t + v - l // 2, c] kernel[u, v, c, o]

    x is (batch, height, width, channels), the kernel (k, l, channels, filters), the result
    (batch, ceil(height / s), ceil(width / t), filters) for odd k and l.
    """
    return native.convolution(x, kernel, stride)

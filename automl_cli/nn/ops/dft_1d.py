"""Convolution in the frequency domain for kernels of k x 1 and 1 x k: `dft_2d` with one axis instead of two.

Along the axis of the kernel a signal becomes one row per real product, about two per pixel whatever k is. Along the other axis
rows are independent, so a stride just skips some. The order of the computation depends on the memory layout:

    k x 1, along the height    the width joins the batch, and all columns are one product
    1 x k, along the width     a small map is transposed, its width to the front, and back. A large one is processed row by row:
                               the spectrum of a row stays in the cache and is not stored, at 32 x 32 a tenth faster, but the
                               loop takes twice as long to compile
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.nn.ops import dft_matrices
from automl_cli.nn.ops.backend import element_count

LARGE = 2**18
"""Elements of a map from which on it is processed row by row."""


class Dft1dPlan(NamedTuple):
    """Parameters of the DFT matrices of one axis: sizes of map and kernel, and the stride."""

    size: int
    kernel: int
    stride: int


def convolution(x: Array, kernel: Array, stride: tuple[int, int]) -> Array:
    """Return the convolution of x (height, width, batch, channels) with a kernel of which one side is 1; see
    `ops.convolution`."""
    if goes_row_by_row(x.shape, kernel.shape):
        return _along_width(x[:: stride[0]], kernel[0], Dft1dPlan(x.shape[1], kernel.shape[1], stride[1]))
    if goes_along_width(kernel.shape):
        return convolution(x.swapaxes(0, 1), kernel.swapaxes(0, 1), stride[::-1]).swapaxes(0, 1)
    x = x[:, :: stride[1]]
    height, width, batch, channels = x.shape
    joined = x.reshape(height, width * batch, channels)
    y = _along_height(joined, kernel[:, 0], Dft1dPlan(height, len(kernel), stride[0]))
    return y.reshape(-1, width, batch, kernel.shape[-1])


def goes_row_by_row(shape: tuple[Any, ...], kernel: tuple[int, ...]) -> bool:
    """Return whether only the input and the kernel are saved for the gradient, and the spectrum of each row is recomputed."""
    return goes_along_width(kernel) and element_count(shape) >= LARGE


def goes_along_width(kernel: tuple[int, ...]) -> bool:
    """Return whether the kernel (k, l, channels, filters) lies along the width."""
    return kernel[0] == 1 < kernel[1]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _along_height(x: Array, kernel: Array, plan: Dft1dPlan) -> Array:
    """Convolve along the first axis: (size, m, channels), (k, channels, filters) -> (outputs, m, filters)."""
    return _height_forward(x, kernel, plan)[0]


def _height_forward(x: Array, kernel: Array, plan: Dft1dPlan) -> tuple[Array, tuple[Array, Array]]:
    maps = dft_matrices.dft_1d(*plan)
    spectra = _analyse(maps.image, x), _analyse(maps.kernel, kernel)
    return _analyse(maps.output.T, spectra[0] @ spectra[1]), spectra


def _height_backward(plan: Dft1dPlan, spectra: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    maps = dft_matrices.dft_1d(*plan)
    spectrum = _analyse(maps.output, gradient)
    x_spectrum = jnp.einsum("rbo,rio->rbi", spectrum, spectra[1])
    kernel_spectrum = dft_matrices.transposed_product(spectra[0], spectrum)
    return _analyse(maps.image.T, x_spectrum), _analyse(maps.kernel.T, kernel_spectrum)


_along_height.defvjp(_height_forward, _height_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _along_width(x: Array, kernel: Array, plan: Dft1dPlan) -> Array:
    """Convolve along the width: (height, size, batch, channels), (k, channels, filters) -> (height, outputs, batch,
    filters)."""
    return _width_forward(x, kernel, plan)[0]


def _width_forward(x: Array, kernel: Array, plan: Dft1dPlan) -> tuple[Array, tuple[Array, Array]]:
    maps = dft_matrices.dft_1d(*plan)
    spectrum = _analyse(maps.kernel, kernel)
    return lax.map(lambda row: _analyse(maps.output.T, _analyse(maps.image, row) @ spectrum), x), (x, kernel)


def _width_backward(plan: Dft1dPlan, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, kernel = saved
    maps = dft_matrices.dft_1d(*plan)
    transposed = lax.optimization_barrier(_analyse(maps.kernel, kernel).swapaxes(1, 2))

    def of_row(total: Array, rows: tuple[Array, Array]) -> tuple[Array, Array]:
        row, row_gradient = (_analyse(*pair) for pair in zip((maps.image, maps.output), rows, strict=True))
        return total + dft_matrices.transposed_product(row, row_gradient), _analyse(maps.image.T, row_gradient @ transposed)

    zeros = jnp.zeros((len(maps.kernel), *kernel.shape[1:]), x.dtype)
    kernel_spectrum, x_gradient = lax.scan(of_row, zeros, (x, gradient))
    return x_gradient, _analyse(maps.kernel.T, kernel_spectrum)


_along_width.defvjp(_width_forward, _width_backward)


def _analyse(matrix: np.ndarray, signal: Array) -> Array:
    """Multiply the first axis by the matrix."""
    return (jnp.asarray(matrix) @ signal.reshape(len(signal), -1)).reshape(-1, *signal.shape[1:])

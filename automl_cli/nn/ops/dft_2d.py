"""Convolution in the frequency domain, by matrix products alone: the form for kernels with both sides above 1.

Method: three linear maps and one product per frequency (`dft_matrices` has the mathematics).

    spectrum of x, spectrum of the kernel:    two matrix products each, one per axis
    product:                                  for each row r    Y[r] = X[r] W[r]    (batch, channels) (channels, filters)
    from the spectrum of y to y:              the transposed maps

Speed on a CPU: a direct convolution multiplies k l times per output and pair of channels, this form about two to three times
for any kernel, and everything runs at the speed of a matrix product. Arrays are (height, width, batch, channels), so no operand
is ever moved: a map along the height is one product with everything else as columns, a map along the width one product per row
frequency, and the spectrum comes out as the operands of the products. The gradient is the transposed program; it computes the
spectrum of the output's gradient once and uses it twice.

Limits: a stride does not change the products and only makes the last map smaller. With few channels, or a small kernel on a
large image, the maps cost more than a direct convolution.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.nn.ops import dft_matrices

Pair = tuple[int, int]
Maps = tuple[np.ndarray, np.ndarray]
"""The matrix along the height, and the matrix along the width."""

LARGEST_CONSTANT = 2**14
"""Elements of a constant that a program may hold. Larger ones are broadcast at run time, by a kernel that takes 7 ms to
compile."""


class Dft2dPlan(NamedTuple):
    """Parameters of the DFT matrices: sizes of map and kernel, and the stride, each (height, width)."""

    size: Pair
    kernel: Pair
    stride: Pair

    def maps(self) -> tuple[Maps, Maps, Maps]:
        """Return the analyses of the image, of the kernel and of the output."""
        height, width = zip(*self, strict=True)
        rows, columns = dft_matrices.outer(*height), dft_matrices.inner(*width)
        return (rows.image, columns.image), (rows.kernel, columns.kernel), (rows.output, columns.output)


def convolution(x: Array, kernel: Array, stride: Pair) -> Array:
    """Return the convolution of x (height, width, batch, channels) with a kernel (k, l, channels, filters); see
    `ops.convolution`."""
    return _convolution(x, kernel, Dft2dPlan((x.shape[0], x.shape[1]), (kernel.shape[0], kernel.shape[1]), stride))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolution(x: Array, kernel: Array, plan: Dft2dPlan) -> Array:
    return _forward(x, kernel, plan)[0]


def _forward(x: Array, kernel: Array, plan: Dft2dPlan) -> tuple[Array, tuple[Array, Array]]:
    image_maps, kernel_maps, output_maps = plan.maps()
    spectra = _analyse(x, image_maps), _analyse(kernel, kernel_maps)
    return _synthesise(spectra[0] @ spectra[1], output_maps), spectra


def _backward(plan: Dft2dPlan, spectra: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    image_maps, kernel_maps, output_maps = plan.maps()
    spectrum = _analyse(gradient, output_maps)
    x_spectrum = jnp.einsum("rbo,rio->rbi", spectrum, spectra[1])
    kernel_spectrum = dft_matrices.transposed_product(spectra[0], spectrum)
    return _synthesise(x_spectrum, image_maps), _synthesise(kernel_spectrum, kernel_maps)


_convolution.defvjp(_forward, _backward)


def _analyse(signal: Array, maps: Maps) -> Array:
    """Transform (height, width, m, c) to the frequency domain: (rows, m, c), one row per real product."""
    along_height, along_width = maps
    height, width, *rest = signal.shape
    frequencies = len(along_height) // 2
    parts = (jnp.asarray(along_height) @ signal.reshape(height, -1)).reshape(frequencies, 2 * width, -1)
    return _each(along_width, parts).reshape(-1, *rest)


def _synthesise(spectrum: Array, maps: Maps) -> Array:
    """Apply the transpose of `_analyse`."""
    along_height, along_width = maps
    frequencies, width = len(along_height) // 2, along_width.shape[1] // 2
    parts = _each(along_width.T, spectrum.reshape(frequencies, len(along_width), -1))
    signal = jnp.asarray(along_height.T) @ parts.reshape(2 * frequencies, -1)
    return signal.reshape(-1, width, *spectrum.shape[1:])


def _each(matrix: np.ndarray, stacked: Array) -> Array:
    """Multiply each stacked matrix by this one, as one batched product: XLA runs it as a loop over library calls."""
    shape = (len(stacked), *matrix.shape)
    if len(stacked) * matrix.size > LARGEST_CONSTANT:
        return lax.batch_matmul(jnp.broadcast_to(matrix, shape), stacked)
    copies = np.ascontiguousarray(np.broadcast_to(matrix, shape))  # JAX would see by the strides what is repeated
    return lax.batch_matmul(jnp.asarray(copies), stacked)

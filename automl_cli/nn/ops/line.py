"""Convolution in the frequency domain for kernels of k x 1 and 1 x k: `fourier` with one axis instead of two.

Along the axis with the kernel a signal becomes one row per real product, about two for each place, whatever k is. The other
axis joins the batch; a stride along it just skips. A kernel along the width swaps the two axes before and after, which
moves whole (batch, channels) blocks and costs little.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.nn.ops import transforms


class Plan(NamedTuple):
    """What the matrices depend on."""

    size: int
    kernel: int
    stride: int


def convolution(x: Array, kernel: Array, stride: tuple[int, int]) -> Array:
    """See `ops.convolution`; one side of the kernel is 1."""
    if kernel.shape[0] == 1 < kernel.shape[1]:
        return convolution(x.swapaxes(0, 1), kernel.swapaxes(0, 1), stride[::-1]).swapaxes(0, 1)
    x = x[:, :: stride[1]]
    height, width, batch, channels = x.shape
    joined = x.reshape(height, width * batch, channels)
    y = _convolution(joined, kernel[:, 0], Plan(height, len(kernel), stride[0]))
    return y.reshape(-1, width, batch, kernel.shape[-1])


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _convolution(x: Array, kernel: Array, plan: Plan) -> Array:
    """(size, m, channels), (k, channels, filters) -> (outputs, m, filters)."""
    return _forward(x, kernel, plan)[0]


def _forward(x: Array, kernel: Array, plan: Plan) -> tuple[Array, tuple[Array, Array]]:
    maps = transforms.line(*plan)
    spectra = _analyse(maps.image, x), _analyse(maps.kernel, kernel)
    return _analyse(maps.output.T, spectra[0] @ spectra[1]), spectra


def _backward(plan: Plan, spectra: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    maps = transforms.line(*plan)
    spectrum = _analyse(maps.output, gradient)
    x_spectrum = jnp.einsum("rbo,rio->rbi", spectrum, spectra[1])
    kernel_spectrum = transforms.transposed_product(spectra[0], spectrum)
    return _analyse(maps.image.T, x_spectrum), _analyse(maps.kernel.T, kernel_spectrum)


_convolution.defvjp(_forward, _backward)


def _analyse(matrix: np.ndarray, signal: Array) -> Array:
    """The matrix along the first axis."""
    return (jnp.asarray(matrix) @ signal.reshape(len(signal), -1)).reshape(-1, *signal.shape[1:])

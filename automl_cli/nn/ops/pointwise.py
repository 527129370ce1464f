"""Convolution with a 1 x 1 kernel: one matrix product over all pixels; a stride skips pixels.

Its kernel gradient is a product along the pixels of both maps, which XLA's library reads without a copy. It is up to twice as
fast with the wider map as the second operand: 48 columns times 16 at 32 x 32 take 0.6 instead of 1.2 ms.
"""

import jax
from jax import Array, lax


def convolution(x: Array, kernel: Array, stride: tuple[int, int]) -> Array:
    """Return the convolution of x (height, width, batch, channels) with a kernel (1, 1, channels, filters); see
    `ops.convolution`."""
    return _product(x[:: stride[0], :: stride[1]], kernel[0, 0])


@jax.custom_vjp
def _product(x: Array, matrix: Array) -> Array:
    return x @ matrix


def _forward(x: Array, matrix: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ matrix, (x, matrix)


def _backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, matrix = saved
    x_rows, gradient_rows = (array.reshape(-1, array.shape[-1]) for array in (x, gradient))
    return gradient @ matrix.T, _kernel_gradient(x_rows, gradient_rows)


def _kernel_gradient(x: Array, gradient: Array) -> Array:
    """Return x' gradient. The barrier keeps XLA from turning the second product back into the first."""
    if x.shape[1] <= gradient.shape[1]:
        return lax.dot_general(x, gradient, (((0,), (0,)), ((), ())))
    return lax.optimization_barrier(lax.dot_general(gradient, x, (((0,), (0,)), ((), ())))).T


_product.defvjp(_forward, _backward)

"""Convolution with a 1 x 1 kernel: one matrix product over all places; a stride skips places.

Its gradient for the kernel is a product along the places of both maps, which XLA's library of products reads as they lie.
"""

import jax
from jax import Array, lax


def convolution(x: Array, kernel: Array, stride: tuple[int, int]) -> Array:
    """See `ops.convolution`; the kernel is (1, 1, channels, filters)."""
    return _product(x[:: stride[0], :: stride[1]], kernel[0, 0])


@jax.custom_vjp
def _product(x: Array, matrix: Array) -> Array:
    return x @ matrix


def _forward(x: Array, matrix: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ matrix, (x, matrix)


def _backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, matrix = saved
    x_places, gradient_places = (array.reshape(-1, array.shape[-1]) for array in (x, gradient))
    return gradient @ matrix.T, lax.dot_general(x_places, gradient_places, (((0,), (0,)), ((), ())))


_product.defvjp(_forward, _backward)

"""The matrices by which `dft_2d` and `dft_1d` turn a convolution into products of numbers.

A convolution of n-periodic signals is a product in the frequency domain. A signal of `size` zero-padded for a kernel of k needs
n = size + k // 2: the kernel meets the same zeros beyond both ends. With p = k // 2,

    y[i] = sum over u of x[i + u - p] g[u]    ->    Y[f] = X[f] G[f],    G[f] = sum over u of g[u] exp(-2 pi i f (p - u) / n)

A product of complex numbers takes three real ones (Gauss):

    (a + ib)(c + id) = (P1 - P3) + i (P1 + P2)    with P1 = (a + b) c, P2 = a (d - c), P3 = b (c + d)

The sums before and after the products are linear, so they are part of the matrices, and no complex number is ever stored. All
matrices are written as analyses: rows are factors of products, columns are positions. The transpose of the output's matrix
takes products back to positions.

The matrices are orthogonal up to scale, so errors are as small as those of the direct sum (about 4e-7 of the largest value).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jax import Array, lax


@dataclass(frozen=True)
class Matrices:
    """Analyses of the input (rows, size), of the kernel (rows, k) and of the output (rows, outputs), float32."""

    image: np.ndarray
    kernel: np.ndarray
    output: np.ndarray


@cache
def dft_1d(size: int, kernel: int, stride: int) -> Matrices:
    """Return the matrices for a single axis and real signals.

    There is a row per real product: one for a frequency that is its own conjugate, three for any other.
    """
    period = size + kernel // 2
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for frequency in range(period // 2 + 1):
        (a, b), (c, d) = _waves(period, frequency, np.arange(size)), _waves(period, frequency, kernel // 2 - np.arange(kernel))
        if frequency == 0 or 2 * frequency == period:
            rows.append((a, c, a / period))
        else:
            rows.append((a + b, c, 2 * (a + b) / period))
            rows.append((a, d - c, 2 * b / period))
            rows.append((b, c + d, -2 * a / period))
    image, kernels, output = (np.stack(column).astype(np.float32) for column in zip(*rows, strict=True))
    return Matrices(image, kernels, np.ascontiguousarray(output[:, ::stride]))


@cache
def outer(size: int, kernel: int, stride: int) -> Matrices:
    """Return the matrices for the first of two axes and real signals.

    There are two rows, real and imaginary part, for each of the n // 2 + 1 frequencies.
    """
    period = size + kernel // 2
    frequencies = np.arange(period // 2 + 1)[:, None]
    weights = np.where((frequencies == 0) | (2 * frequencies == period), 1, 2) / period
    image = np.stack(_waves(period, frequencies, np.arange(size)), 1)
    kernels = np.stack(_waves(period, frequencies, kernel // 2 - np.arange(kernel)), 1)
    output = weights[:, None] * image[:, :, ::stride]
    return Matrices(*(array.reshape(-1, array.shape[-1]).astype(np.float32) for array in (image, kernels, output)))


@cache
def inner(size: int, kernel: int, stride: int) -> Matrices:
    """Return the matrices for the second of two axes, where signals are complex.

    Columns are all real parts, then all imaginary ones; rows are the factors of Gauss's three products for each of n
    frequencies.
    """
    period = size + kernel // 2
    frequencies = np.arange(period)[:, None]
    a, b = _parts(*_waves(period, frequencies, np.arange(size)))
    c, d = _parts(*_waves(period, frequencies, kernel // 2 - np.arange(kernel)))
    real, imaginary = (part.reshape(period, 2, size)[:, :, ::stride].reshape(period, -1) / period for part in (a, b))
    # The real part of the output is P1 - P3, the imaginary one P1 + P2, each taken back by the conjugate waves.
    products = ((a + b, a, b), (c, d - c, c + d), (real + imaginary, imaginary, -real))
    return Matrices(*(np.concatenate(part).astype(np.float32) for part in products))


def _waves(period: int, frequency: int | np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the real and imaginary part of exp(-2 pi i frequency positions / period)."""
    angle = 2 * np.pi * frequency * positions / period
    return np.cos(angle), -np.sin(angle)


def _parts(cosine: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices from (real parts, imaginary parts) of a signal to the real and to the imaginary part of its
    spectrum."""
    return np.concatenate([cosine, -sine], 1), np.concatenate([sine, cosine], 1)


def transposed_product(a: Array, b: Array) -> Array:
    """Return the product of a[r] transposed and b[r] for each row r: (rows, batch, m), (rows, batch, n) -> (rows, m, n).

    A barrier separates the transposition from the product: together they take a slow path on a CPU.
    """
    return lax.batch_matmul(lax.optimization_barrier(a.swapaxes(1, 2)), b)

"""The matrices with which `dft_2d` and `dft_1d` turn a convolution into products of numbers.

A convolution of n-periodic signals is a product in the frequency domain. A signal of `size` zero-padded for a kernel of k needs
n = size + k // 2: what reaches over one end meets the same zeros as what reaches over the other. With p = k // 2,

    y[i] = sum over u of x[i + u - p] g[u]    ->    Y[f] = X[f] G[f],    G[f] = sum over u of g[u] exp(-2 pi i f (p - u) / n)

A product of complex numbers takes three real ones (Gauss):

    (a + ib)(c + id) = (P1 - P3) + i (P1 + P2)    with P1 = (a + b) c, P2 = a (d - c), P3 = b (c + d)

The sums in front of the products and behind them are linear, so they are part of the matrices, and no complex number is
ever stored. All matrices are written as analyses: rows are what is multiplied, columns are places. The one of the output,
transposed, takes products back to places.

The matrices are orthogonal up to scale, so errors are those of the direct sum (about 4e-7 of the largest value).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jax import Array, lax


@dataclass(frozen=True)
class Matrices:
    """Analyses of the input (rows, size), of the kernel (rows, k) and of the output (rows, outputs)."""

    image: np.ndarray
    kernel: np.ndarray
    output: np.ndarray


@cache
def dft_1d(size: int, kernel: int, stride: int) -> Matrices:
    """For one axis alone, real signals: a row per real product; one for a frequency that is its own conjugate, else three."""
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
    """For the first of two axes, real signals: two rows, real and imaginary part, for each of the n // 2 + 1 frequencies."""
    period = size + kernel // 2
    frequencies = np.arange(period // 2 + 1)[:, None]
    twice = np.where((frequencies == 0) | (2 * frequencies == period), 1, 2) / period
    image = np.stack(_waves(period, frequencies, np.arange(size)), 1)
    kernels = np.stack(_waves(period, frequencies, kernel // 2 - np.arange(kernel)), 1)
    output = twice[:, None] * image[:, :, ::stride]
    return Matrices(*(array.reshape(-1, array.shape[-1]).astype(np.float32) for array in (image, kernels, output)))


@cache
def inner(size: int, kernel: int, stride: int) -> Matrices:
    """For the second of two axes, where signals are complex by now: columns are all real parts, then all imaginary ones; rows
    are the three of Gauss's products, for each of the n frequencies."""
    period = size + kernel // 2
    frequencies = np.arange(period)[:, None]
    a, b = _parts(*_waves(period, frequencies, np.arange(size)))
    c, d = _parts(*_waves(period, frequencies, kernel // 2 - np.arange(kernel)))
    real, imaginary = (part.reshape(period, 2, size)[:, :, ::stride].reshape(period, -1) / period for part in (a, b))
    # The real part of the output is P1 - P3, the imaginary one P1 + P2, each taken back by the conjugate waves.
    products = ((a + b, a, b), (c, d - c, c + d), (real + imaginary, imaginary, -real))
    return Matrices(*(np.concatenate(part).astype(np.float32) for part in products))


def _waves(period: int, frequency: int | np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Real and imaginary part of exp(-2 pi i frequency places / period)."""
    angle = 2 * np.pi * frequency * places / period
    return np.cos(angle), -np.sin(angle)


def _parts(cosine: np.ndarray, sine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From waves to what takes (real parts, imaginary parts) of a signal to the real, and the imaginary, part of its
    spectrum."""
    return np.concatenate([cosine, -sine], 1), np.concatenate([sine, cosine], 1)


def transposed_product(a: Array, b: Array) -> Array:
    """For each row r the product of a[r] transposed and b[r]: (rows, batch, m), (rows, batch, n) -> (rows, m, n).

    The barrier keeps the transposition apart from the product: together they take a slow path on a CPU.
    """
    return lax.batch_matmul(lax.optimization_barrier(a.swapaxes(1, 2)), b)

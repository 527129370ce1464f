"""Convolution in the frequency domain: the mathematics of `ops.dft_2d` and `ops.dft_1d` by NumPy.

A row of a matrix that is multiplied from the left holds a number for every example and channel. If its length is a multiple of
a memory page, as for 32 examples of 64 channels, all rows fall into one set of the nearest cache and evict each other, and the
product takes two to three times as long. One more example of zeros avoids that.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from automl_cli.nn.ops import dft_matrices

Pair = tuple[int, int]
Maps = tuple[np.ndarray, np.ndarray]
"""The matrix along the height, and the matrix along the width."""

ALIASED = 1024
"""Floats of a memory page."""


class Spectra(NamedTuple):
    """Record for the gradients of a convolution: the spectra of the input and of the kernel, (rows, examples, channels) and
    (rows, channels, filters), with one more example or channel of zeros where that is faster; and the shape of the input."""

    image: np.ndarray
    kernel: np.ndarray
    shape: tuple[int, ...]


class Fourier2d:
    """A form (`convolution.Form`) for maps of one size and kernels of k x l: one product per frequency."""

    def __init__(self, size: Pair, sides: Pair, stride: Pair) -> None:
        self._axes = tuple(zip(size, sides, stride, strict=True))

    @cached_property
    def _maps(self) -> tuple[Maps, Maps, Maps]:
        """The analyses of the image, of the kernel and of the output."""
        rows, columns = dft_matrices.outer(*self._axes[0]), dft_matrices.inner(*self._axes[1])
        return (rows.image, columns.image), (rows.kernel, columns.kernel), (rows.output, columns.output)

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Spectra]:
        """Return the convolution, and the spectra of x and of the kernel."""
        of_image, of_kernel, of_output = self._maps
        spectra = Spectra(_analyse(x, of_image), _analyse(kernel, of_kernel), x.shape)
        product = _product(spectra.image[:, : x.shape[2]], spectra.kernel[:, : x.shape[3]])
        return _synthesise(product, of_output, x.shape[2]), spectra

    def backward(
        self, saved: Spectra, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool
    ) -> np.ndarray | None:
        """Write the gradient of the kernel; return that of the input if it is asked for."""
        _, of_kernel, of_output = self._maps
        batch, channels = saved.shape[2:]
        spectrum = _analyse(gradient, of_output)
        product = _product(saved.image[:, :batch].transpose(0, 2, 1), spectrum[:, :batch])
        kernel_gradient[...] = _synthesise(product, of_kernel, channels)
        if not of_input:
            return None
        product = _product(spectrum[:, :batch], saved.kernel[:, :channels].transpose(0, 2, 1))
        return _synthesise(product, self._maps[0], batch)


class FourierAlongHeight:
    """A form (`convolution.Form`) for kernels of k x 1: the columns of a map are further examples."""

    def __init__(self, size: Pair, sides: Pair, stride: Pair) -> None:
        self._axis, self._step = (size[0], sides[0], stride[0]), stride[1]

    @cached_property
    def _maps(self) -> dft_matrices.Matrices:
        return dft_matrices.dft_1d(*self._axis)

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Spectra]:
        """Return the convolution, and the spectra of x and of the kernel."""
        read = x[:, :: self._step]
        height, width, batch, channels = read.shape
        signal = read.reshape(height, width * batch, channels)
        spectra = Spectra(_times(self._maps.image, signal), _times(self._maps.kernel, kernel[:, 0]), x.shape)
        y = _times(self._maps.output.T, spectra.image @ spectra.kernel)
        return y.reshape(-1, width, batch, kernel.shape[3]), spectra

    def backward(
        self, saved: Spectra, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool
    ) -> np.ndarray | None:
        """Write the gradient of the kernel; return that of the input if it is asked for."""
        height, width, batch, filters = gradient.shape
        spectrum = _times(self._maps.output, gradient.reshape(height, width * batch, filters))
        kernel_gradient[:, 0] = _times(self._maps.kernel.T, saved.image.transpose(0, 2, 1) @ spectrum)
        if not of_input:
            return None
        x = _times(self._maps.image.T, spectrum @ saved.kernel.transpose(0, 2, 1))
        return apart(x.reshape(len(x), -1, *saved.shape[2:]), saved.shape, (1, self._step))


class FourierAlongWidth:
    """A form (`convolution.Form`) for kernels of 1 x k: one product for each row of a map and each frequency."""

    def __init__(self, size: Pair, sides: Pair, stride: Pair) -> None:
        self._axis, self._step = (size[1], sides[1], stride[1]), stride[0]

    @cached_property
    def _maps(self) -> dft_matrices.Matrices:
        return dft_matrices.dft_1d(*self._axis)

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Spectra]:
        """Return the convolution, and the spectra of x and of the kernel."""
        image = _each_times(self._maps.image, x[:: self._step])
        spectra = Spectra(image, _times(self._maps.kernel, kernel[0]), x.shape)
        return _each_times(self._maps.output.T, spectra.image @ spectra.kernel), spectra

    def backward(
        self, saved: Spectra, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool
    ) -> np.ndarray | None:
        """Write the gradient of the kernel; return that of the input if it is asked for."""
        spectrum = _each_times(self._maps.output, gradient)
        kernel_gradient[0] = _times(self._maps.kernel.T, (saved.image.swapaxes(2, 3) @ spectrum).sum(0))
        if not of_input:
            return None
        x = _each_times(self._maps.image.T, spectrum @ saved.kernel.transpose(0, 2, 1))
        return apart(x, saved.shape, (self._step, 1))


def apart(x: np.ndarray, shape: tuple[int, ...], stride: Pair) -> np.ndarray:
    """Return a map of this shape that holds x at every `stride`-th row and column, and zeros elsewhere."""
    if stride == (1, 1):
        return x
    whole = np.zeros(shape, np.float32)
    whole[:: stride[0], :: stride[1]] = x
    return whole


def _analyse(signal: np.ndarray, maps: Maps) -> np.ndarray:
    """Transform (height, width, m, c) to the frequency domain: (rows, m or m + 1, c), one row per real product."""
    along_height, along_width = maps
    height, width, examples, channels = signal.shape
    if (more := _more(examples, channels)) > examples:
        wider = np.zeros((height, width, more, channels), np.float32)
        wider[:, :, :examples] = signal
        signal = wider
    parts = (along_height @ signal.reshape(height, -1)).reshape(len(along_height) // 2, 2 * width, -1)
    return (along_width @ parts).reshape(-1, *signal.shape[2:])


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the product of a[r] and b[r] for each row r: (rows, m, k), (rows, k, n) -> (rows, m or m + 1, n)."""
    rows, examples, channels = len(a), a.shape[1], b.shape[2]
    found = np.empty((rows, _more(examples, channels), channels), np.float32)
    found[:, examples:] = 0  # nothing reads it, but what stood there may be slow to compute with
    np.matmul(a, b, out=found[:, :examples])
    return found


def _synthesise(spectrum: np.ndarray, maps: Maps, examples: int) -> np.ndarray:
    """Apply the transpose of `_analyse`; return the first so many examples, (height, width, examples, c)."""
    along_height, along_width = maps
    frequencies, width, channels = len(along_height) // 2, along_width.shape[1] // 2, spectrum.shape[2]
    parts = along_width.T @ spectrum.reshape(frequencies, len(along_width), -1)
    if spectrum.shape[1] == examples:
        return (along_height.T @ parts.reshape(2 * frequencies, -1)).reshape(-1, width, examples, channels)
    signal = np.empty((along_height.shape[1], width, examples * channels), np.float32)
    columns = parts.reshape(2 * frequencies, width, -1).swapaxes(0, 1)[..., : examples * channels]
    np.matmul(along_height.T, columns, out=signal.swapaxes(0, 1))
    return signal.reshape(-1, width, examples, channels)


def _more(examples: int, channels: int) -> int:
    """Return the number of examples to compute with: those given, or one more, of zeros."""
    return examples + (examples * channels % ALIASED == 0)


def _times(matrix: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """Multiply the first axis by a matrix."""
    return (matrix @ signal.reshape(len(signal), -1)).reshape(-1, *signal.shape[1:])


def _each_times(matrix: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """Multiply the second axis of (height, width, m, c) by a matrix."""
    height, width, *rest = signal.shape
    return (matrix @ signal.reshape(height, width, -1)).reshape(height, -1, *rest)

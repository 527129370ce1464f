"""Convolution as one matrix product with the windows of the map: the forms for strides, single pixels and images."""

from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from automl_cli.nn.numpy_ops.fourier import apart

Pair = tuple[int, int]


class Tap(NamedTuple):
    """A row or column of a kernel: the windows in which it meets the map, and the positions that it meets there."""

    windows: slice
    positions: slice


class Axis(NamedTuple):
    """The windows along one axis, with the taps that meet the map in any of them; `taps` is their place in the kernel."""

    outputs: int
    taps: slice
    met: tuple[Tap, ...]


def taps_on_map(size: int, side: int, step: int, front: int) -> dict[int, Tap]:
    """Return the taps of windows along an axis that meet the map in any of its ceil(size / step) windows, by their number in a
    window; `front` zeros stand before the map."""
    met, outputs = {}, -(-size // step)
    for tap in range(side):
        first = max(0, -((tap - front) // step))
        last = min(outputs - 1, (size - 1 + front - tap) // step)
        if first <= last:
            met[tap] = Tap(slice(first, last + 1), slice(first * step + tap - front, last * step + tap - front + 1, step))
    return met


def axis(size: int, side: int, step: int) -> Axis:
    """Return the windows of a kernel with "half" padding along an axis."""
    met = taps_on_map(size, side, step, side // 2)
    return Axis(-(-size // step), slice(min(met), max(met) + 1), tuple(met.values()))


class Patches:
    """A form (`convolution.Form`): every window of the map is a row of one matrix."""

    def __init__(self, size: Pair, sides: Pair, stride: Pair) -> None:
        self._given = tuple(zip(size, sides, stride, strict=True))

    @cached_property
    def _axes(self) -> tuple[Axis, Axis]:
        return axis(*self._given[0]), axis(*self._given[1])

    @cached_property
    def _taps(self) -> list[tuple[int, int, tuple[slice, slice], tuple[slice, slice]]]:
        """Row and column of each tap that meets the map, the windows in which it does, and the positions that it meets."""
        rows, columns = (list(enumerate(axis.met)) for axis in self._axes)
        return [
            (row, column, (up.windows, left.windows), (up.positions, left.positions))
            for (row, up), (column, left) in product(rows, columns)
        ]

    def _reached(self, kernel: np.ndarray) -> np.ndarray:
        """Return the taps that meet the map in any window, a view."""
        return kernel[self._axes[0].taps, self._axes[1].taps]

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution, and the two matrices whose product it is."""
        rows, columns = self._axes
        reached = self._reached(kernel)
        windows = np.zeros((rows.outputs, columns.outputs, x.shape[2], *reached.shape[:3]), np.float32)
        for row, column, where, positions in self._taps:
            windows[*where, :, row, column] = x[positions]
        flat, matrix = windows.reshape(-1, reached[..., 0].size), reached.reshape(-1, kernel.shape[3])
        return (flat @ matrix).reshape(*windows.shape[:3], -1), (flat, matrix, x.shape)

    def backward(self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool) -> np.ndarray | None:
        """Write the gradient of the kernel; return that of the input if it is asked for."""
        reached = self._reached(kernel_gradient)
        reached[...] = (saved[0].T @ gradient.reshape(-1, gradient.shape[3])).reshape(reached.shape)
        if not of_input:
            return None
        _, matrix, shape = saved
        rows, columns = self._axes
        of_windows = gradient.reshape(-1, gradient.shape[3]) @ matrix.T
        of_windows = of_windows.reshape(*gradient.shape[:3], len(rows.met), len(columns.met), -1)
        x_gradient = np.zeros(shape, np.float32)
        for row, column, where, positions in self._taps:
            x_gradient[positions] += of_windows[*where, :, row, column]
        return x_gradient


class OfImages(Patches):
    """A form for maps of few channels that have no gradient, such as images: windows are the columns of a matrix, so that
    what is copied lies together."""

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution, and the matrix of the windows, (taps and channels, windows)."""
        rows, columns = self._axes
        reached = self._reached(kernel)
        windows = np.zeros((*reached.shape[:3], rows.outputs, columns.outputs, x.shape[2]), np.float32)
        channels_first = x.transpose(3, 0, 1, 2)
        for row, column, where, positions in self._taps:
            windows[row, column][:, *where] = channels_first[:, *positions]
        matrix = windows.reshape(reached[..., 0].size, -1)
        y = matrix.T @ reached.reshape(-1, kernel.shape[3])
        return y.reshape(*windows.shape[3:], -1), matrix

    def backward(self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool) -> np.ndarray | None:
        """Write the gradient of the kernel; return None."""
        assert not of_input
        reached = self._reached(kernel_gradient)
        reached[...] = (saved @ gradient.reshape(-1, gradient.shape[3])).reshape(reached.shape)
        return None


class Pointwise:
    """A form (`convolution.Form`) for kernels of 1 x 1; a stride skips pixels."""

    def __init__(self, stride: Pair) -> None:
        self._stride = stride

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution, and the two matrices whose product it is."""
        read = x[:: self._stride[0], :: self._stride[1]]
        rows, matrix = read.reshape(-1, x.shape[3]), kernel[0, 0]
        return (rows @ matrix).reshape(*read.shape[:3], -1), (rows, matrix, x.shape)

    def backward(self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool) -> np.ndarray | None:
        """Write the gradient of the kernel; return that of the input if it is asked for."""
        np.matmul(saved[0].T, gradient.reshape(-1, gradient.shape[3]), out=kernel_gradient[0, 0])
        if not of_input:
            return None
        _, matrix, shape = saved
        x_gradient = gradient.reshape(-1, gradient.shape[3]) @ matrix.T
        return apart(x_gradient.reshape(*gradient.shape[:3], -1), shape, self._stride)

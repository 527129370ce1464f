"""Convolution in the frequency domain, a tile of the map at a time, so that all that is between stays in the cache.

The outputs of a tile read a window of the map, which is taken to be a period of a signal: outputs that would reach around its
ends are not those of the tile. `frequencies` has the mathematics. With the analyses I of a window, O of the outputs of a tile
and K of the kernel, and a product for each row r of the factors,

    y = transpose(O) P,    P[r] = (I x)[r] (K w)[r]    (examples of the tiles, channels) (channels, filters)

and the gradients are those of a product between transposes: I x is multiplied with O dy for the kernel, O dy with K w for the
input, where windows overlap and are added.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from automl_cli.nn.numpy_ops.frequencies import PASSED, TRANSFORMED, Rows, TiledAxis, tile_length
from automl_cli.nn.numpy_ops.operation import aligned, zeros
from automl_cli.nn.numpy_ops.scratch import Scratch

Pair = tuple[int, int]
Matrices = tuple[np.ndarray, np.ndarray]
"""The matrix along the height, and the matrix along the width."""

CACHED = 2**19
"""Numbers of a chunk's coefficients: with its products they fit into the larger cache of a core."""

LARGEST_WHOLE = 16
"""Positions of the longest axis that is a single tile."""

KEPT = 2**21
"""Factors of a map, all in all, up to which they are kept for the gradient; to compute more of them again takes as long as to
fetch them from memory."""


class Tiles(NamedTuple):
    """Examples, and tiles from `left` on in row `up` of tiles, that are computed together."""

    examples: slice
    up: int
    left: int
    number: int

    @property
    def columns(self) -> int:
        """Number of examples of all its tiles."""
        return (self.examples.stop - self.examples.start) * self.number


class SavedFactors(NamedTuple):
    """What the gradients need: the input, its factors if there are few, and the kernel."""

    x: np.ndarray
    factors: list[np.ndarray]
    kernel: np.ndarray


class Fourier2d:
    """A form (`convolution.FormOfOneMap`) for kernels of k x l. `tile` is the length of tiles along both axes."""

    def __init__(self, size: Pair, sides: Pair, stride: Pair, tile: Pair | None = None) -> None:
        lengths = tile or [tile_length(*axis, largest=LARGEST_WHOLE) for axis in zip(size, stride, strict=True)]
        height, width = (TiledAxis(*axis) for axis in zip(size, sides, stride, lengths, strict=True))
        self._axes = height, width
        self._rows = Rows(*self._axes)
        self._is_written_once = all(axis.window == axis.tile and not axis.front for axis in self._axes)
        """Whether each position is read by exactly one tile."""

    def cost(self, channels: int, filters: int, *, of_input: bool) -> float:
        """See `convolution.Form`."""
        height, width = self._axes
        tiles, uses = height.tiles * width.tiles, (3 if of_input else 2) * channels

        def transform(rows: int, columns: int) -> int:
            return len(height.image) * columns * (rows + len(width.image))

        products = (3 if of_input else 2) * self._rows.count * channels * filters
        transforms = uses * transform(height.window, width.window) + 2 * filters * transform(height.made, width.made)
        return tiles * (products + TRANSFORMED * transforms + PASSED * self._rows.count * (uses + 2 * filters))

    @cached_property
    def _images(self) -> Matrices:
        height, width = (axis.image.astype(np.float32) for axis in self._axes)
        return height, width

    @cached_property
    def _outputs(self) -> Matrices:
        height, width = (axis.output.astype(np.float32) for axis in self._axes)
        return height, width

    @cached_property
    def _kernels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        along_height, alone, pair = (matrix.astype(np.float32) for matrix in self._rows.of_kernel(*self._axes))
        return along_height, alone, pair

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, SavedFactors]:
        """Return the convolution, and what its gradients need."""
        channels, filters = kernel.shape[2:]
        of_kernel = self._analyse_kernel(kernel)
        y = aligned((*(axis.outputs for axis in self._axes), x.shape[2], filters))
        chunks, scratch, kept = self._chunks(x.shape[2], max(channels, filters)), Scratch(), []
        keep = self._rows.count * channels * sum(chunk.columns for chunk in chunks) <= KEPT
        for chunk in chunks:
            rows = (self._rows.count, chunk.columns)
            factors = np.empty((*rows, channels), np.float32) if keep else scratch("factors", (*rows, channels))
            self._analyse_window(x, chunk, factors, scratch)
            products = np.matmul(factors, of_kernel, out=scratch("products", (*rows, filters)))
            self._synthesise_outputs(products, y, chunk, scratch)
            if keep:
                kept.append(factors)
        return y, SavedFactors(x, kept, kernel)

    def backward(
        self, saved: SavedFactors, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool
    ) -> np.ndarray | None:
        """Write the gradient of the kernel; return that of the input if it is asked for."""
        x, kept, kernel = saved
        (channels, filters), scratch = kernel.shape[2:], Scratch()
        of_kernel = self._analyse_kernel(kernel.swapaxes(2, 3)) if of_input else scratch.nothing
        x_gradient = (aligned if self._is_written_once else zeros)(x.shape) if of_input else None
        total = np.empty((self._rows.count, channels, filters), np.float32)
        for number, chunk in enumerate(self._chunks(x.shape[2], max(channels, filters))):
            rows = (self._rows.count, chunk.columns)
            if kept:
                factors = kept[number]
            else:
                factors = scratch("factors", (*rows, channels))
                self._analyse_window(x, chunk, factors, scratch)
            of_output = scratch("products", (*rows, filters))
            self._analyse_outputs(gradient, chunk, of_output, scratch)
            if number:
                total += np.matmul(factors.swapaxes(1, 2), of_output, out=scratch("of kernel", total.shape))
            else:
                np.matmul(factors.swapaxes(1, 2), of_output, out=total)
            if x_gradient is not None:
                of_x = np.matmul(of_output, of_kernel, out=scratch("of input", (*rows, channels)))
                self._synthesise_window(of_x, x_gradient, chunk, scratch)
        kernel_gradient[...] = self._synthesise_kernel(total, kernel.shape)
        return x_gradient

    def _chunks(self, batch: int, channels: int) -> list[Tiles]:
        height, width = self._axes
        numbers = CACHED // (len(height.image) * len(width.image))
        parts = -(-batch // max(1, numbers // channels))
        each = -(-batch // parts)
        tiles = max(1, min(width.tiles, numbers // (each * channels)))
        return [
            Tiles(slice(start, min(batch, start + each)), up, left, min(tiles, width.tiles - left))
            for start in range(0, batch, each)
            for up in range(height.tiles)
            for left in range(0, width.tiles, tiles)
        ]

    def _analyse_kernel(self, kernel: np.ndarray) -> np.ndarray:
        """Return the factors of a kernel (k, l, m, n), (rows, m, n)."""
        along_height, alone, pair = self._kernels
        factors = np.empty((self._rows.count, *kernel.shape[2:]), np.float32)
        of_alone, of_pairs = self._rows.parts(_flat(factors, 1))
        coefficients = (along_height @ kernel.reshape(len(kernel), -1)).reshape(-1, of_alone.shape[2])
        split = len(of_alone) * kernel.shape[1]
        np.matmul(alone, coefficients[:split].reshape(len(of_alone), alone.shape[1], -1), out=of_alone)
        if len(of_pairs):
            np.matmul(pair, coefficients[split:].reshape(len(of_pairs), pair.shape[1], -1), out=of_pairs)
        return factors

    def _synthesise_kernel(self, factors: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Apply the transpose of `_analyse_kernel` for a kernel of this shape."""
        along_height, alone, pair = self._kernels
        of_alone, of_pairs = self._rows.parts(_flat(factors, 1))
        parts = [alone.T @ of_alone, pair.T @ of_pairs]
        coefficients = np.concatenate([part.reshape(-1, shape[1], of_alone.shape[2]) for part in parts])
        return (along_height.T @ _flat(coefficients, 1)).reshape(shape)

    def _analyse_window(self, x: np.ndarray, chunk: Tiles, factors: np.ndarray, scratch: Scratch) -> None:
        """Compute the factors of what the tiles of a chunk read."""
        (height, width), (along_height, along_width), signal = self._axes, self._images, _columns(x, chunk)
        rows, up, _ = height.read(chunk.up, 1)
        columns, left, length = width.read(chunk.left, chunk.number)
        between = scratch.between(len(along_height), length, signal.shape[2])
        if left != slice(0, length):
            between.array[:, : left.start] = 0
            between.array[:, left.stop :] = 0
        _times(along_height[:, up], signal[rows, columns], between.array[:, left])
        coefficients = scratch("coefficients", (len(along_height), len(along_width), chunk.number, signal.shape[2]))
        np.matmul(along_width, between.windows(chunk.number, width.tile, width.window), out=coefficients.swapaxes(1, 2))
        self._rows.split(_flat(coefficients, 2), _flat(factors, 1), of_output=False)

    def _synthesise_window(self, factors: np.ndarray, x_gradient: np.ndarray, chunk: Tiles, scratch: Scratch) -> None:
        """Apply the transpose of `_analyse_window`: add to x_gradient, or write it where no windows overlap."""
        (height, width), (along_height, along_width), signal = self._axes, self._images, _columns(x_gradient, chunk)
        rows, up, _ = height.read(chunk.up, 1)
        columns, left, length = width.read(chunk.left, chunk.number)
        coefficients = scratch("coefficients", (len(along_height), len(along_width), chunk.number, signal.shape[2]))
        self._rows.join(_flat(factors, 1), _flat(coefficients, 2), of_output=False)
        between = scratch.between(len(along_height), length, signal.shape[2])
        if chunk.number == 1 or width.window == width.tile:
            windows = between.windows(chunk.number, width.tile, width.window)
            np.matmul(along_width.T, coefficients.swapaxes(1, 2), out=windows)
        else:
            parts = scratch("windows", (len(along_height), chunk.number, width.window, signal.shape[2]))
            np.matmul(along_width.T, coefficients.swapaxes(1, 2), out=parts)
            tiles, overlap = between.windows(chunk.number, width.tile, width.tile), width.window - width.tile
            tiles[...] = parts[:, :, : width.tile]
            between.array[:, chunk.number * width.tile :] = parts[:, -1, width.tile :]
            tiles[:, 1:, :overlap] += parts[:, :-1, width.tile :]
        if self._is_written_once:
            _times(along_height[:, up].T, between.array[:, left], signal[rows, columns])
            return
        found = scratch("signal", signal[rows, columns].shape)
        _times(along_height[:, up].T, between.array[:, left], found)
        signal[rows, columns] += found

    def _analyse_outputs(self, gradient: np.ndarray, chunk: Tiles, factors: np.ndarray, scratch: Scratch) -> None:
        """Compute the factors of what the tiles of a chunk make."""
        (height, width), (along_height, along_width), signal = self._axes, self._outputs, _columns(gradient, chunk)
        rows, columns = height.written(chunk.up, 1), width.written(chunk.left, chunk.number)
        made, count = columns.stop - columns.start, chunk.number * width.made
        between = scratch.between(len(along_height), count, signal.shape[2])
        if made < count:
            between.array[:, made:] = 0
        _times(along_height[:, : rows.stop - rows.start], signal[rows, columns], between.array[:, :made])
        coefficients = scratch("coefficients", (len(along_height), len(along_width), chunk.number, signal.shape[2]))
        np.matmul(along_width, between.windows(chunk.number, width.made, width.made), out=coefficients.swapaxes(1, 2))
        self._rows.split(_flat(coefficients, 2), _flat(factors, 1), of_output=True)

    def _synthesise_outputs(self, factors: np.ndarray, y: np.ndarray, chunk: Tiles, scratch: Scratch) -> None:
        """Apply the transpose of `_analyse_outputs`."""
        (height, width), (along_height, along_width), signal = self._axes, self._outputs, _columns(y, chunk)
        rows, columns = height.written(chunk.up, 1), width.written(chunk.left, chunk.number)
        coefficients = scratch("coefficients", (len(along_height), len(along_width), chunk.number, signal.shape[2]))
        self._rows.join(_flat(factors, 1), _flat(coefficients, 2), of_output=True)
        between = scratch.between(len(along_height), chunk.number * width.made, signal.shape[2])
        tiles = between.windows(chunk.number, width.made, width.made)
        np.matmul(along_width.T, coefficients.swapaxes(1, 2), out=tiles)
        made = between.array[:, : columns.stop - columns.start]
        _times(along_height[:, : rows.stop - rows.start].T, made, signal[rows, columns])


def _columns(x: np.ndarray, chunk: Tiles) -> np.ndarray:
    """Return the examples of a chunk as (height, width, examples and channels), a view."""
    channels, examples = x.shape[3], chunk.examples
    return x.reshape(*x.shape[:2], -1)[:, :, examples.start * channels : examples.stop * channels]


def _flat(array: np.ndarray, axes: int) -> np.ndarray:
    """Return an array whose axes from this one on are one."""
    return array.reshape(*array.shape[:axes], -1)


def _times(matrix: np.ndarray, signal: np.ndarray, out: np.ndarray) -> None:
    """Multiply the first axis of a signal (height, width, columns) by a matrix."""
    np.matmul(matrix, signal.swapaxes(0, 1), out=out.swapaxes(0, 1))

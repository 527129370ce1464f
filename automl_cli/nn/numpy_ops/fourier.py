"""Convolution in the frequency domain, a tile of the map at a time, so that all that is between stays in the cache.

The outputs of a tile read a window of the map, which is taken to be a period of a signal: outputs that would reach around its
ends are not those of the tile. `frequencies` has the mathematics. With the analyses I of a window, O of the outputs of a tile
and K of the kernel, and a product for each row r of the factors,

    y = transpose(O) P,    P[r] = (I x)[r] (K w)[r]    (examples of the tiles, channels) (channels, filters)

and the gradients are those of a product between transposes: I x is multiplied with O dy for the kernel, O dy with K w for the
input, where windows overlap and are added.
"""

from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from automl_cli.nn.numpy_ops.frequencies import PASSED, TILE, TRANSFORMED, FactorGroup, Rows, TiledAxis, tile_length
from automl_cli.nn.numpy_ops.operation import aligned, zeros
from automl_cli.nn.numpy_ops.scratch import Scratch, Strip

Pair = tuple[int, int]
Matrices = tuple[np.ndarray, np.ndarray]
"""The matrix along the height, and the matrix along the width."""

CHUNK = 2**21
"""Numbers of a chunk's coefficients. The factors of the kernel are fetched anew for every chunk."""

CACHED = 2**18
"""Numbers of the coefficients of a group: with their factors and products they fit into the larger cache of a core."""

LARGE_SIDE, LARGE_TILE = 6, 16
"""Taps along an axis from which tiles are longer, and about how long."""

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


class Place(NamedTuple):
    """The part of a map that the tiles of a chunk read or make: its rows, and their place in the window of a tile; its columns,
    and their place in a strip of `length` positions, in which the next tile begins `step` positions after one and has `window`.
    """

    rows: slice
    up: slice
    columns: slice
    left: slice
    length: int
    step: int
    window: int


class SavedFactors(NamedTuple):
    """The input, its factors if there are few, and the kernel, as the gradients need them."""

    x: np.ndarray
    factors: list[np.ndarray]
    kernel: np.ndarray


class Fourier2d:
    """A form (`convolution.FormOfOneMap`) for kernels of k x l. `tile` is the length of tiles along both axes."""

    def __init__(self, size: Pair, sides: Pair, stride: Pair, tile: Pair | None = None) -> None:
        lengths = tile or [
            tile_length(length, step, whole=LARGEST_WHOLE, usual=TILE if side < LARGE_SIDE else LARGE_TILE)
            for length, side, step in zip(size, sides, stride, strict=True)
        ]
        height, width = (TiledAxis(*axis) for axis in zip(size, sides, stride, lengths, strict=True))
        self._axes = height, width
        self._rows = Rows(*self._axes)
        self._is_written_once = all(axis.window == axis.tile and not axis.front for axis in self._axes)
        """Whether each position is read by exactly one tile."""
        self._chunks, self._groups = lru_cache(64)(self._cut), lru_cache(64)(self._group)
        self._place = lru_cache(256)(self._find)

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
        of_kernel, scratch, kept = self._analyse_kernel(kernel), Scratch(), []
        y = aligned((*(axis.outputs for axis in self._axes), x.shape[2], filters))
        chunks = self._chunks(x.shape[2], max(channels, filters))
        keep = self._rows.count * channels * sum(chunk.columns for chunk in chunks) <= KEPT
        for chunk in chunks:
            read, made = self._strip(chunk, channels, scratch), self._strip(chunk, filters, scratch, of_output=True)
            self._analyse_height(x, chunk, read)
            for group in self._groups(chunk.columns, max(channels, filters)):
                shape = group.rows.stop - group.rows.start, chunk.columns
                factors = np.empty((*shape, channels), np.float32) if keep else scratch("factors", (*shape, channels))
                self._analyse_width(read, chunk, group, factors, scratch)
                products = np.matmul(factors, of_kernel[group.rows], out=scratch("products", (*shape, filters)))
                self._synthesise_width(products, chunk, group, made, scratch, of_output=True)
                if keep:
                    kept.append(factors)
            self._synthesise_height(made, chunk, y, scratch, of_output=True)
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
        factors_kept = iter(kept)
        for number, chunk in enumerate(self._chunks(x.shape[2], max(channels, filters))):
            read, made = self._strip(chunk, channels, scratch), self._strip(chunk, filters, scratch, of_output=True)
            if not kept:
                self._analyse_height(x, chunk, read)
            self._analyse_height(gradient, chunk, made, of_output=True)
            for group in self._groups(chunk.columns, max(channels, filters)):
                shape, sums = (group.rows.stop - group.rows.start, chunk.columns), total[group.rows]
                if kept:
                    factors = next(factors_kept)
                else:
                    factors = scratch("factors", (*shape, channels))
                    self._analyse_width(read, chunk, group, factors, scratch)
                of_output = scratch("products", (*shape, filters))
                self._analyse_width(made, chunk, group, of_output, scratch, of_output=True)
                if number:
                    sums += np.matmul(factors.swapaxes(1, 2), of_output, out=scratch("of kernel", sums.shape))
                else:
                    np.matmul(factors.swapaxes(1, 2), of_output, out=sums)
                if x_gradient is not None:
                    of_x = np.matmul(of_output, of_kernel[group.rows], out=scratch("of input", (*shape, channels)))
                    self._synthesise_width(of_x, chunk, group, read, scratch)
            if x_gradient is not None:
                self._synthesise_height(read, chunk, x_gradient, scratch)
        kernel_gradient[...] = self._synthesise_kernel(total, kernel.shape)
        return x_gradient

    def _cut(self, batch: int, channels: int) -> list[Tiles]:
        """Return the chunks of a map."""
        height, width = self._axes
        numbers = max(1, CHUNK // (len(height.image) * len(width.image)) // channels)
        tiles = min(width.tiles, numbers)
        each = -(-batch // -(-batch // max(1, numbers // tiles)))
        return [
            Tiles(slice(start, min(batch, start + each)), up, left, min(tiles, width.tiles - left))
            for start in range(0, batch, each)
            for up in range(height.tiles)
            for left in range(0, width.tiles, tiles)
        ]

    def _group(self, columns: int, channels: int) -> list[FactorGroup]:
        """Return the groups of factors of a chunk with so many examples of its tiles."""
        return self._rows.groups(max(1, CACHED // (2 * len(self._axes[1].image) * columns * channels)))

    def _find(self, first: int, left_tile: int, number: int, of_output: bool) -> Place:
        """Return what tiles read, or make."""
        height, width = self._axes
        if of_output:
            rows, columns = height.written(first, 1), width.written(left_tile, number)
            up, left = slice(0, rows.stop - rows.start), slice(0, columns.stop - columns.start)
            return Place(rows, up, columns, left, number * width.made, width.made, width.made)
        rows, up, _ = height.read(first, 1)
        columns, left, length = width.read(left_tile, number)
        return Place(rows, up, columns, left, length, width.tile, width.window)

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

    def _strip(self, chunk: Tiles, channels: int, scratch: Scratch, *, of_output: bool = False) -> Strip:
        """Return the memory for what tiles of a chunk read, or make, transformed along the height."""
        examples, place = chunk.examples, self._place(*chunk[1:], of_output)
        columns = (examples.stop - examples.start) * channels
        return scratch.strip("made" if of_output else "read", len(self._axes[0].image), place.length, columns)

    def _analyse_height(self, x: np.ndarray, chunk: Tiles, strip: Strip, *, of_output: bool = False) -> None:
        """Transform what the tiles of a chunk read, or make, of a map along the height."""
        place, matrix = self._place(*chunk[1:], of_output), (self._outputs if of_output else self._images)[0]
        if place.left != slice(0, place.length):
            strip.array[:, : place.left.start] = 0
            strip.array[:, place.left.stop :] = 0
        signal = _columns(x, chunk)[place.rows, place.columns]
        np.matmul(matrix[:, place.up], signal.swapaxes(0, 1), out=strip.array[:, place.left].swapaxes(0, 1))

    def _analyse_width(
        self, strip: Strip, chunk: Tiles, group: FactorGroup, factors: np.ndarray, scratch: Scratch, *, of_output: bool = False
    ) -> None:
        """Compute a group of factors from what is transformed along the height."""
        place, matrix = self._place(*chunk[1:], of_output), (self._outputs if of_output else self._images)[1]
        coefficients = self._coefficients(strip, chunk, group, scratch)
        for part, rows in zip(coefficients, group.coefficients, strict=True):
            np.matmul(matrix, strip.windows(rows, chunk.number, place.step, place.window), out=part.swapaxes(1, 2))
        self._rows.split(_flat(coefficients, 3), _flat(factors, 1), of_output=of_output)

    def _synthesise_width(
        self, factors: np.ndarray, chunk: Tiles, group: FactorGroup, strip: Strip, scratch: Scratch, *, of_output: bool = False
    ) -> None:
        """Apply the transpose of `_analyse_width`; windows that overlap are added."""
        place, matrix = self._place(*chunk[1:], of_output), (self._outputs if of_output else self._images)[1].T
        coefficients = self._coefficients(strip, chunk, group, scratch)
        self._rows.join(_flat(factors, 1), _flat(coefficients, 3), of_output=of_output)
        step, window = place.step, place.window
        for part, rows in zip(coefficients, group.coefficients, strict=True):
            if chunk.number == 1 or step == window:
                np.matmul(matrix, part.swapaxes(1, 2), out=strip.windows(rows, chunk.number, step, window))
                continue
            made = scratch("windows", (len(part), chunk.number, window, part.shape[3]))
            np.matmul(matrix, part.swapaxes(1, 2), out=made)
            strip.windows(rows, chunk.number, step, step)[...] = made[:, :, :step]
            strip.array[rows, chunk.number * step :] = 0
            for tile in range(chunk.number):
                strip.array[rows, (tile + 1) * step : tile * step + window] += made[:, tile, step:]

    def _synthesise_height(
        self, strip: Strip, chunk: Tiles, x: np.ndarray, scratch: Scratch, *, of_output: bool = False
    ) -> None:
        """Apply the transpose of `_analyse_height`: write to a map, or add to it where windows overlap."""
        place, matrix = self._place(*chunk[1:], of_output), (self._outputs if of_output else self._images)[0]
        signal, read = _columns(x, chunk)[place.rows, place.columns], strip.array[:, place.left].swapaxes(0, 1)
        if of_output or self._is_written_once:
            np.matmul(matrix[:, place.up].T, read, out=signal.swapaxes(0, 1))
            return
        found = scratch("signal", signal.shape)
        np.matmul(matrix[:, place.up].T, read, out=found.swapaxes(0, 1))
        signal += found

    def _coefficients(self, strip: Strip, chunk: Tiles, group: FactorGroup, scratch: Scratch) -> np.ndarray:
        """Return the memory for the coefficients of a group, (1 or 2, height, width, tiles, columns)."""
        first, columns = group.coefficients[0], strip.array.shape[2]
        shape = len(group.coefficients), first.stop - first.start, len(self._axes[1].image), chunk.number, columns
        return scratch("coefficients", shape)


def _columns(x: np.ndarray, chunk: Tiles) -> np.ndarray:
    """Return the examples of a chunk as (height, width, examples and channels), a view."""
    channels, examples = x.shape[3], chunk.examples
    return x.reshape(*x.shape[:2], -1)[:, :, examples.start * channels : examples.stop * channels]


def _flat(array: np.ndarray, axes: int) -> np.ndarray:
    """Return an array whose axes from this one on are one."""
    return array.reshape(*array.shape[:axes], -1)

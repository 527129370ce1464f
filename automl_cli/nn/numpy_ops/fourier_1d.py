"""Convolution in the frequency domain along one axis, for kernels of k x 1 and 1 x k, a tile of that axis at a time.

The mathematics is that of `fourier`, with one axis: an analysis is one matrix, from positions straight to the factors of the
products. Positions along the other axis are further examples.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from automl_cli.nn.numpy_ops.fourier import KEPT, SavedFactors
from automl_cli.nn.numpy_ops.frequencies import TRANSFORMED, TiledAxis, tile_length
from automl_cli.nn.numpy_ops.operation import aligned, apart, zeros
from automl_cli.nn.numpy_ops.scratch import Scratch

Pair = tuple[int, int]

CACHED = 2**18
"""Factors of a chunk: with its products they fit into the larger cache of a core."""

LARGEST_WHOLE = 11
"""Positions of the longest axis that is a single tile."""


class TileOfLines(NamedTuple):
    """Lines, examples of each (of all channels), and the tile, that are computed together."""

    lines: slice
    examples: slice
    tile: int

    @property
    def columns(self) -> int:
        """Number of examples of all lines."""
        return (self.lines.stop - self.lines.start) * (self.examples.stop - self.examples.start)


class Fourier1d:
    """A form (`convolution.FormOfOneMap`) for kernels of k x 1 or 1 x k. `tile` is the length of tiles along their axis."""

    def __init__(self, size: Pair, sides: Pair, stride: Pair, tile: int | None = None) -> None:
        self._along = 0 if sides[1] == 1 else 1
        self._skipped = (1, stride[1]) if self._along == 0 else (stride[0], 1)
        """Steps across: positions between are not read at all."""
        length, side, step = (pair[self._along] for pair in (size, sides, stride))
        self._axis = TiledAxis(length, side, step, tile or tile_length(length, step, whole=LARGEST_WHOLE))
        self._rows = self._axis.alone + 3 * self._axis.pairs
        self._line_count = -(-size[1 - self._along] // self._skipped[1 - self._along])

    def cost(self, channels: int, filters: int, *, of_input: bool) -> float:
        """See `convolution.Form`."""
        axis, uses = self._axis, 3 if of_input else 2
        transforms = axis.window * uses * channels + axis.made * 2 * filters
        return self._line_count * axis.tiles * self._rows * (uses * channels * filters + TRANSFORMED * transforms)

    @cached_property
    def _matrices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Analyses of the input, of the kernel and of the output: rows of factors as in `frequencies.Rows`."""
        axis, found = self._axis, []
        for which, matrix in enumerate((axis.image, axis.kernel, axis.output)):
            alone, a, b = np.split(matrix, [axis.alone, axis.alone + axis.pairs])
            triple = ((a, b, a + b), (b - a, -a - b, a), (b, a, a + b))[which]
            found.append(np.concatenate([alone, *triple]).astype(np.float32))
        image, kernel, output = found
        return image, kernel, output

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, tuple[SavedFactors, tuple[int, ...]]]:
        """Return the convolution, and what its gradients need: of what is read of the input, and the shape of all of it."""
        shape, x = x.shape, np.ascontiguousarray(x[:: self._skipped[0], :: self._skipped[1]])
        (channels, filters), output, scratch = kernel.shape[2:], self._matrices[2], Scratch()
        size = (self._axis.outputs, x.shape[1]) if self._along == 0 else (x.shape[0], self._axis.outputs)
        y = aligned((*size, x.shape[2], filters))
        of_kernel, signal, made = self._analyse_kernel(kernel), self._lines(x), self._lines(y)
        chunks, kept = list(self._chunks(x.shape, kernel.shape)), []
        keep = self._rows * channels * sum(chunk.columns for chunk in chunks) <= KEPT
        for chunk in chunks:
            rows = (self._rows, chunk.columns)
            factors = np.empty((*rows, channels), np.float32) if keep else scratch("factors", (*rows, channels))
            self._analyse_window(signal, chunk, factors)
            products = np.matmul(factors, of_kernel, out=scratch("products", (*rows, filters)))
            written = self._axis.written(chunk.tile, 1)
            target = _part(made, chunk, written, filters)
            np.matmul(output[:, : written.stop - written.start].T, _apart(products, chunk), out=target)
            if keep:
                kept.append(factors)
        return y, (SavedFactors(x, kept, kernel), shape)

    def backward(
        self,
        saved: tuple[SavedFactors, tuple[int, ...]],
        gradient: np.ndarray,
        kernel_gradient: np.ndarray,
        *,
        of_input: bool,
    ) -> np.ndarray | None:
        """Write the gradient of the kernel; return that of the input if it is asked for."""
        (x, kept, kernel), whole = saved
        (channels, filters), (image, of_taps, output), scratch = kernel.shape[2:], self._matrices, Scratch()
        of_kernel = self._analyse_kernel(kernel.swapaxes(2, 3)) if of_input else scratch.nothing
        x_gradient = (aligned if self._axis.tiles == 1 else zeros)(x.shape) if of_input else None
        signal, made = self._lines(x), self._lines(gradient)
        total = np.empty((self._rows, channels, filters), np.float32)
        for number, chunk in enumerate(self._chunks(x.shape, kernel.shape)):
            rows = (self._rows, chunk.columns)
            factors = kept[number] if kept else scratch("factors", (*rows, channels))
            if not kept:
                self._analyse_window(signal, chunk, factors)
            of_output = scratch("products", (*rows, filters))
            written = self._axis.written(chunk.tile, 1)
            read = _part(made, chunk, written, filters)
            np.matmul(output[:, : written.stop - written.start], read, out=_apart(of_output, chunk))
            if number:
                total += np.matmul(factors.swapaxes(1, 2), of_output, out=scratch("of kernel", total.shape))
            else:
                np.matmul(factors.swapaxes(1, 2), of_output, out=total)
            if x_gradient is not None:
                of_x = np.matmul(of_output, of_kernel, out=scratch("of input", (*rows, channels)))
                positions, place, _ = self._axis.read(chunk.tile, 1)
                target = _part(self._lines(x_gradient), chunk, positions, channels)
                if self._axis.tiles == 1:
                    np.matmul(image.T, _apart(of_x, chunk), out=target)
                else:
                    target += np.matmul(image[:, place].T, _apart(of_x, chunk), out=scratch("signal", target.shape))
        kernel_gradient[...] = (of_taps.T @ total.reshape(self._rows, -1)).reshape(kernel.shape)
        return None if x_gradient is None else apart(x_gradient, whole, self._skipped)

    def _analyse_kernel(self, kernel: np.ndarray) -> np.ndarray:
        taps = kernel.reshape(-1, kernel[0, 0].size)
        return (self._matrices[1] @ taps).reshape(self._rows, *kernel.shape[2:])

    def _analyse_window(self, signal: np.ndarray, chunk: TileOfLines, factors: np.ndarray) -> None:
        """Compute the factors of what a tile reads of some lines."""
        positions, place, _ = self._axis.read(chunk.tile, 1)
        read = _part(signal, chunk, positions, factors.shape[2])
        np.matmul(self._matrices[0][:, place], read, out=_apart(factors, chunk))

    def _lines(self, x: np.ndarray) -> np.ndarray:
        """Return a map as (lines, positions along the axis, examples and channels), a view."""
        lines = x.reshape(*x.shape[:2], -1)
        return lines.swapaxes(0, 1) if self._along == 0 else lines

    def _chunks(self, shape: tuple[int, ...], kernel: tuple[int, ...]) -> Iterator[TileOfLines]:
        height, width, batch, _ = shape
        lines = width if self._along == 0 else height
        most = max(1, CACHED // (self._rows * max(kernel[2:])))
        each = -(-batch // -(-batch // min(most, batch)))
        together = max(1, min(lines, most // each))
        for line in range(0, lines, together):
            for start in range(0, batch, each):
                for tile in range(self._axis.tiles):
                    here = slice(line, min(lines, line + together)), slice(start, min(batch, start + each))
                    yield TileOfLines(*here, tile)


def _part(signal: np.ndarray, chunk: TileOfLines, positions: slice, channels: int) -> np.ndarray:
    """Return positions of the lines and examples of a chunk, (lines, positions, examples and channels), a view."""
    return signal[chunk.lines, positions, chunk.examples.start * channels : chunk.examples.stop * channels]


def _apart(factors: np.ndarray, chunk: TileOfLines) -> np.ndarray:
    """Return factors as (lines, rows, examples and channels), a view."""
    return factors.reshape(len(factors), chunk.lines.stop - chunk.lines.start, -1).swapaxes(0, 1)

"""Convolution as products without transforms: of the positions that a tap of the kernel meets, or of windows of an image."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise, product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from automl_cli.nn.numpy_ops.operation import aligned, zeros

Pair = tuple[int, int]

CACHED = 2**17
"""Numbers of the positions that are computed together: with their outputs they fit into the larger cache of a core."""

CACHED_WINDOWS = 2**18
"""Numbers of the windows of an image that are computed together."""

KEPT = 2**21
"""Numbers of all windows of an image up to which they are kept for the gradient; to copy more of them again takes as long as to
fetch them from memory."""

SMALL_PRODUCT = 500_000
"""Multiply-adds of a product that libraries compute without rearranging its operands, a quarter faster than a large one."""

READ, WRITTEN, COPIED = 25, 40, 80
"""Multiply-adds that take as long as reading a number of the input for a tap and adding to its gradient, as adding to a number
of the output for a tap, and as copying a number of a window of an image twice."""


class Tap(NamedTuple):
    """A row or column of a kernel: the windows in which it meets the map, and the positions that it meets there."""

    windows: slice
    positions: slice

    def among(self, windows: slice) -> "Tap | None":
        """Return the part in some windows, which count from the first of them; None if the tap meets the map in none."""
        first, last = max(self.windows.start, windows.start), min(self.windows.stop, windows.stop)
        if first >= last:
            return None
        start, _, step = self.positions.indices(self.positions.stop)
        low, high = (start + (window - self.windows.start) * step for window in (first, last - 1))
        return Tap(slice(first - windows.start, last - windows.start), slice(low, high + 1, step))


class MetAxis(NamedTuple):
    """The windows along one axis, and the taps that meet the map in any of them, by their number in the kernel."""

    outputs: int
    met: dict[int, Tap]


def taps_on_map(size: int, side: int, step: int, front: int, outputs: int) -> dict[int, Tap]:
    """Return the taps of windows along an axis that meet the map in any of its windows, by their number in a window; `front`
    zeros stand before the map."""
    met = {}
    for tap in range(side):
        first = max(0, -((tap - front) // step))
        last = min(outputs - 1, (size - 1 + front - tap) // step)
        if first <= last:
            met[tap] = Tap(slice(first, last + 1), slice(first * step + tap - front, last * step + tap - front + 1, step))
    return met


def met_axis(size: int, side: int, step: int, padded: int) -> MetAxis:
    """Return the windows of a kernel with "half" padding along an axis of a map that is zero-padded evenly to a size first."""
    outputs = -(-padded // step)
    return MetAxis(outputs, taps_on_map(size, side, step, side // 2 + (padded - size) // 2, outputs))


class Met(NamedTuple):
    """A tap of the kernel: its row and column, the windows of a chunk in which it meets the map, and the positions there."""

    row: int
    column: int
    windows: tuple[slice, slice]
    positions: tuple[slice, slice]


class Direct:
    """Base of the forms without transforms, for one map that is zero-padded to a size: the taps that meet it."""

    def __init__(self, size: Pair, sides: Pair, stride: Pair, padded: Pair | None = None) -> None:
        self._given = tuple(zip(size, sides, stride, padded or size, strict=True))
        self._found: dict[tuple[int, int], list[Met]] = {}

    @cached_property
    def _axes(self) -> tuple[MetAxis, MetAxis]:
        return met_axis(*self._given[0]), met_axis(*self._given[1])

    @property
    def outputs(self) -> Pair:
        """Return the height and width of the output."""
        rows, columns = self._axes
        return rows.outputs, columns.outputs

    def _window_taps(self) -> int:
        """Return the number of pairs of an output and a tap that meets the map."""
        height, width = (sum(tap.windows.stop - tap.windows.start for tap in axis.met.values()) for axis in self._axes)
        return height * width

    @cached_property
    def _is_pointwise(self) -> bool:
        """Whether each position is met exactly once, and in order."""
        return all(side == step == 1 for _, side, step, _ in self._given) and all(size == of for size, _, _, of in self._given)

    def _chunks(self, numbers: int, most: int) -> list[slice]:
        """Return the rows of outputs that are computed together, if an output has so many numbers and `most` are cached."""
        rows, columns = self.outputs
        each = max(1, most // (columns * numbers))
        return [slice(start, min(rows, start + each)) for start in range(0, rows, each)]

    def _met(self, chunk: slice) -> list[Met]:
        """Return the taps that meet the map in windows of a chunk, one that does so in the most of them first."""
        if (found := self._found.get((chunk.start, chunk.stop))) is not None:
            return found
        rows, columns = self._axes
        here = [(row, part) for row, tap in rows.met.items() if (part := tap.among(chunk)) is not None]
        taps = [
            Met(row, column, (up.windows, left.windows), (up.positions, left.positions))
            for (row, up), (column, left) in product(here, columns.met.items())
        ]
        taps.sort(key=lambda tap: -prod(part.stop - part.start for part in tap.windows))
        self._found[chunk.start, chunk.stop] = taps
        return taps


class TapsOfMap(Direct):
    """The sum over the taps of a kernel of a product with the positions of a map that each meets."""

    def cost(self, channels: int, filters: int, *, of_input: bool) -> float:
        """See `convolution.Form`."""
        products = (3 if of_input else 2) * channels * filters
        return self._window_taps() * (products + READ * channels + WRITTEN * filters)

    def add(self, x: np.ndarray, kernel: np.ndarray, y: np.ndarray, *, is_first: bool) -> None:
        """Add the convolution of x to y, which is uninitialised before the first of several maps."""
        for chunk in self._chunks(x.shape[2] * max(kernel.shape[2:]), CACHED):
            outputs, taps = y[chunk], self._met(chunk)
            memory = np.empty(outputs.size, np.float32)
            if is_first and not (taps and outputs[taps[0].windows].shape == outputs.shape):
                outputs[...] = 0
            for tap in taps:
                target = outputs[tap.windows]
                if is_first and tap is taps[0] and target.shape == outputs.shape:
                    np.matmul(x[tap.positions], kernel[tap.row, tap.column], out=outputs)
                else:
                    target += np.matmul(x[tap.positions], kernel[tap.row, tap.column], out=_like(target, memory))

    def backward(
        self, x: np.ndarray, kernel: np.ndarray, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool
    ) -> np.ndarray | None:
        """Write the gradient of the kernel; return that of the input if it is asked for.

        The kernel's is summed over parts of rows first: one sum over all would have larger rounding errors.
        """
        channels, filters = kernel.shape[2:]
        transposed = np.ascontiguousarray(kernel.swapaxes(2, 3))
        x_gradient = (aligned if self._is_pointwise else zeros)(x.shape) if of_input else None
        kernel_gradient[...] = 0
        for chunk in self._chunks(x.shape[2] * max(channels, filters), CACHED):
            outputs = gradient[chunk]
            memory = np.empty(outputs[..., 0].size * channels, np.float32)
            for tap in self._met(chunk):
                read, of_outputs = x[tap.positions], outputs[tap.windows]
                if not read.flags.c_contiguous:
                    read = _like(read, memory)
                    read[...] = x[tap.positions]
                part = part_length(read.shape[1], read.shape[2], channels * filters)
                rows, of_rows = read.reshape(-1, part, channels), of_outputs.reshape(-1, part, filters)
                kernel_gradient[tap.row, tap.column] += (rows.swapaxes(1, 2) @ of_rows).sum(0)
                if x_gradient is None:
                    continue
                target = x_gradient[tap.positions]
                made = target if self._is_pointwise else _like(target, memory)
                np.matmul(of_rows, transposed[tap.row, tap.column], out=made.reshape(-1, part, channels))
                if not self._is_pointwise:
                    target += made
        return x_gradient


@lru_cache(1024)
def part_length(columns: int, batch: int, numbers: int) -> int:
    """Return the length of parts of a row of a map, in examples, so that a product of each with so many numbers is small."""
    most = SMALL_PRODUCT // (batch * numbers)
    return batch * next(number for number in range(max(1, min(columns, most)), 0, -1) if columns % number == 0)


def _like(array: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """Return an array of the shape of another in some memory."""
    return memory[: array.size].reshape(array.shape)


class Taps:
    """A form (`convolution.Form`): the maps are neither padded nor concatenated, since what is of zeros is not computed."""

    def __init__(self, sizes: Sequence[Pair], padded: Pair, sides: Pair, stride: Pair) -> None:
        self._of_maps = [TapsOfMap(size, sides, stride, padded) for size in sizes]

    def cost(self, channels: Sequence[int], filters: int, wanted: Sequence[bool]) -> float:
        """See `convolution.Form`."""
        each = zip(self._of_maps, channels, wanted, strict=True)
        return sum(taps.cost(count, filters, of_input=of_input) for taps, count, of_input in each)

    def forward(self, maps: Sequence[np.ndarray], kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution, and its arguments."""
        y = aligned((*self._of_maps[0].outputs, maps[0].shape[2], kernel.shape[3]))
        for number, (taps, x, part) in enumerate(zip(self._of_maps, maps, parts_of(maps), strict=True)):
            taps.add(x, kernel[:, :, part], y, is_first=number == 0)
        return y, (maps, kernel)

    def backward(
        self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, wanted: Sequence[bool]
    ) -> list[np.ndarray]:
        """Write the gradient of the kernel; return those of the maps that are wanted."""
        maps, kernel = saved
        found = [
            taps.backward(x, kernel[:, :, part], gradient, kernel_gradient[:, :, part], of_input=of_input)
            for taps, x, part, of_input in zip(self._of_maps, maps, parts_of(maps), wanted, strict=True)
        ]
        return [x_gradient for x_gradient in found if x_gradient is not None]


def parts_of(maps: Sequence[np.ndarray]) -> list[slice]:
    """Return the channels of each map in their concatenation."""
    ends = [0, *accumulate(x.shape[3] for x in maps)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


class OfImages(Direct):
    """A form for maps of few channels that have no gradient, such as images: windows are the columns of a matrix, so that
    what is copied lies together."""

    def cost(self, channels: int, filters: int, *, of_input: bool) -> float:
        """See `convolution.Form`."""
        return self._window_taps() * channels * (2 * filters + COPIED)

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution, and what its gradient needs: the channels of x first, and the windows if they are few."""
        matrix = self._reached(kernel).reshape(-1, kernel.shape[3])
        y = aligned((*self.outputs, x.shape[2], kernel.shape[3]))
        channels_first, kept = np.ascontiguousarray(x.transpose(3, 0, 1, 2)), []
        keep = y[..., 0].size * len(matrix) <= KEPT
        for chunk in self._chunks(x.shape[2] * len(matrix), CACHED_WINDOWS):
            windows = self._windows(channels_first, chunk)
            parts = self._in_parts(windows, y[chunk])
            np.matmul(parts.transpose(1, 2, 0), matrix, out=y[chunk].reshape(*parts.shape[1:], -1))
            if keep:
                kept.append(windows)
        return y, (channels_first, kept)

    def backward(self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool) -> np.ndarray | None:
        """Write the gradient of the kernel; return None."""
        assert not of_input
        kernel_gradient[...] = 0
        (channels_first, kept), reached = saved, self._reached(kernel_gradient)
        total = np.zeros((reached[..., 0].size, gradient.shape[3]), np.float32)
        for number, chunk in enumerate(self._chunks(gradient.shape[2] * len(total), CACHED_WINDOWS)):
            windows = kept[number] if kept else self._windows(channels_first, chunk)
            parts = self._in_parts(windows, gradient[chunk])
            total += (parts.swapaxes(0, 1) @ gradient[chunk].reshape(*parts.shape[1:], -1)).sum(0)
        reached[...] = total.reshape(reached.shape)
        return None

    def _in_parts(self, windows: np.ndarray, outputs: np.ndarray) -> np.ndarray:
        """Return windows (taps and channels, windows) with as many parts of them as make small products of outputs."""
        _, columns, batch, filters = outputs.shape
        return windows.reshape(len(windows), -1, part_length(columns, batch, len(windows) * filters))

    def _reached(self, kernel: np.ndarray) -> np.ndarray:
        """Return the taps that meet the map in any window, a view."""
        rows, columns = (slice(min(axis.met), max(axis.met) + 1) for axis in self._axes)
        return kernel[rows, columns]

    def _windows(self, x: np.ndarray, chunk: slice) -> np.ndarray:
        """Return the windows of a chunk, (taps and channels, windows), of x (channels, height, width, batch)."""
        rows, columns = self._axes
        shape = len(rows.met), len(columns.met), len(x), chunk.stop - chunk.start, columns.outputs, x.shape[3]
        windows = np.zeros(shape, np.float32)
        first_row, first_column = min(rows.met), min(columns.met)
        for tap in self._met(chunk):
            windows[tap.row - first_row, tap.column - first_column][:, *tap.windows] = x[:, *tap.positions]
        return windows.reshape(prod(shape[:3]), -1)

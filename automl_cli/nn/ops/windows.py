"""Windows over a map as shifted, strided views: the basis of depthwise convolution and pooling on a CPU.

XLA's own forms process every window separately, which on a CPU is five to fifty times slower than a pass over whole arrays for
each position in the window; only its sums over windows of one axis are fast (`average_pooling`). Padding is "same": even, with
an odd zero at the bottom and right. Arrays are (height, width, batch, channels).

A loop that reads many views at once reads memory at addresses batch * channels elements apart. If that is a multiple of 1024,
as with 32 examples of 32 channels, all addresses fall into one set of the nearest cache and evict each other. One more example
of zeros in the padded copy avoids that: half the time from 5 x 5 positions on.
"""

from collections.abc import Callable
from functools import reduce
from itertools import product
from operator import add
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.values.operations import padding

Pair = tuple[int, int]


class Windows(NamedTuple):
    """Geometry of windows: size of the map, size of a window, distance between windows, and distance between positions
    within one."""

    size: Pair
    window: Pair
    stride: Pair
    dilation: int = 1

    @property
    def outputs(self) -> Pair:
        """Number of windows along each axis."""
        height, width = (-(-size // step) for size, step in zip(self.size, self.stride, strict=True))
        return height, width

    def along(self, axis: int, across: int) -> "Windows":
        """Return the windows along one axis alone, on a map that has `across` positions along the other."""
        size, window, stride = self.size[axis], self.window[axis], self.stride[axis]
        if axis == 0:
            return Windows((size, across), (window, 1), (stride, 1), self.dilation)
        return Windows((across, size), (1, window), (1, stride), self.dilation)

    @property
    def offsets(self) -> list[Pair]:
        """Row and column of each position in a window, in row-major order."""
        rows, columns = map(range, self.window)
        return list(product(rows, columns))

    @property
    def pads(self) -> tuple[Pair, Pair]:
        """Numbers of zeros before and behind each axis."""
        reach = (self.dilation * (side - 1) + 1 for side in self.window)
        rows, columns = (padding(*axis, "same") for axis in zip(self.size, reach, self.stride, strict=True))
        return rows, columns


MANY_VIEWS = 16
"""Positions of a window above which the padded copy of a map gets one more example."""


def _padded(x: Array, rows: Pair, columns: Pair, windows: Windows, fill: float = 0.0) -> Array:
    """Pad the map, and add one more example if many views of it are read at once."""
    many = windows.window[0] * windows.window[1] > MANY_VIEWS
    return lax.pad(x, jnp.array(fill, x.dtype), [(*rows, 0), (*columns, 0), (0, int(many), 0), (0, 0, 0)])


def views(x: Array, windows: Windows, *, fill: float = 0.0) -> list[Array]:
    """Return for each position in a window its values in all windows: arrays (outputs, outputs, batch, channels).

    Positions are in row-major order. x is (height, width, batch, channels); outside the map values are `fill`.
    """
    padded, (batch, channels) = _padded(x, *windows.pads, windows, fill), x.shape[2:]

    def view(*offset: int) -> Array:
        starts = [side * windows.dilation for side in offset]
        ends = (at + (count - 1) * step + 1 for at, count, step in zip(starts, windows.outputs, windows.stride, strict=True))
        return lax.slice(padded, (*starts, 0, 0), (*ends, batch, channels), (*windows.stride, 1, 1))

    return [view(*offset) for offset in windows.offsets]


def gather(x: Array, weights: Array, windows: Windows) -> Array:
    """Return y = sum over the positions (u, v) of a window of weights[u, v] x there.

    x is (height, width, batch, channels), the weights (window height, window width, channels or 1), and the result (outputs,
    outputs, batch, channels).
    """
    weights = weights[:, :, None, None, None]
    return reduce(add, (weights[offset] * view for offset, view in zip(windows.offsets, views(x, windows), strict=True)))


def scatter_add(y: Array, weights: Array, windows: Windows) -> Array:
    """Apply the transpose of `gather`: add every output, weighted, to the positions of its window.

    y is (outputs, outputs, batch, channels), the result (height, width, batch, channels).
    """
    weights = weights[:, :, None, None, None]
    return scatter_contributions((y,), lambda offset, y: weights[offset] * y, windows)


def scatter_contributions(maps: tuple[Array, ...], contribution: Callable[..., Array], windows: Windows) -> Array:
    """Return the sum, at every pixel of the map, of the contributions of the windows over it: (height, width, batch, channels).

    `contribution` takes a position in a window, (row, column), and slices of the maps, (outputs, outputs, batch, channels), at
    the windows; it returns their contributions to that position. For windows that do not exist the maps hold zeros.

    Row s a + r of the map, with 0 <= r < s, lies at row u of window a + (r + p - u d) / s, if that is a whole number; p is the
    number of zeros in front, d the dilation. So the rows of one r are a sum of shifted outputs. The map is the sum of them all,
    each with zeros in between. Without XLA's fusion emitters that takes four fifths (3 x 3) down to a third (7 x 7) of the time
    of stacking them, and with emitters a twentieth more.
    """
    steps, (batch, channels) = windows.stride, maps[0].shape[2:]
    counts = windows.outputs
    shifts = [_shifts(windows, axis) for axis in (0, 1)]
    low, high = (
        tuple(max([0, *(sign * shift for pairs in axis for _, shift in pairs)]) for axis in shifts) for sign in (-1, 1)
    )
    maps = tuple(_padded(each, (low[0], high[0]), (low[1], high[1]), windows) for each in maps)

    def phase(rows: list[Pair], columns: list[Pair]) -> Array:
        terms = []
        for (u, down), (v, right) in product(rows, columns):
            top, left = low[0] + down, low[1] + right
            shifted = (each[top : top + counts[0], left : left + counts[1], :batch] for each in maps)
            terms.append(contribution((u, v), *shifted))
        return reduce(add, terms) if terms else jnp.zeros((*counts, batch, channels), maps[0].dtype)

    def spread(rows: int, columns: int) -> Array:
        ends = (
            (first, size - first - (count - 1) * step - 1, step - 1)
            for first, size, count, step in zip((rows, columns), windows.size, counts, steps, strict=True)
        )
        values = phase(shifts[0][rows], shifts[1][columns])
        return lax.pad(values, jnp.zeros((), values.dtype), [*ends, (0, 0, 0), (0, 0, 0)])

    return reduce(add, (spread(*remainders) for remainders in product(*map(range, steps))))


def _shifts(windows: Windows, axis: int) -> list[list[Pair]]:
    """Return for each remainder r along an axis the positions in a window that reach it, each with the shift of its outputs."""
    step, front = windows.stride[axis], windows.pads[axis][0]
    return [
        [
            (offset, (remainder + front - offset * windows.dilation) // step)
            for offset in range(windows.window[axis])
            if (remainder + front - offset * windows.dilation) % step == 0
        ]
        for remainder in range(step)
    ]

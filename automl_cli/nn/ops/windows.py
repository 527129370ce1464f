"""Windows over a map as shifted, strided views of it: what depthwise convolution and pooling are made of on a CPU.

XLA's own forms look every window up one by one, which on a CPU is five to fifty times slower than going over whole arrays
once for each place in the window. Padding is "same": split evenly, the odd zero at the bottom and right. Arrays are (height,
width, batch, channels).

A loop that reads many views at once reads memory at places that lie batch * channels numbers apart. Where that is a multiple
of 1024, as with 32 examples of 32 channels, all of them fall into one set of the nearest cache and drive each other out of
it. One example more, of zeros, in the padded copy ends that: from 5 x 5 places on half the time.
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
    """Where the windows lie: size of the map, size of a window, distance between two, and between places within one."""

    size: Pair
    window: Pair
    stride: Pair
    dilation: int = 1

    @property
    def outputs(self) -> Pair:
        """How many windows there are along each axis."""
        height, width = (-(-size // step) for size, step in zip(self.size, self.stride, strict=True))
        return height, width

    @property
    def places(self) -> list[Pair]:
        """Row and column of each place in a window, in row-major order."""
        rows, columns = map(range, self.window)
        return list(product(rows, columns))

    @property
    def pads(self) -> tuple[Pair, Pair]:
        """Zeros before and behind each axis."""
        reach = (self.dilation * (side - 1) + 1 for side in self.window)
        rows, columns = (padding(*axis, "same") for axis in zip(self.size, reach, self.stride, strict=True))
        return rows, columns


MANY_VIEWS = 16
"""For windows of more places than that the padded copy of a map has one example more."""


def _spaced(x: Array, rows: Pair, columns: Pair, windows: Windows, fill: float = 0.0) -> Array:
    """The map with so many zeros around, and one example more where many views of it are read at once."""
    many = windows.window[0] * windows.window[1] > MANY_VIEWS
    return lax.pad(x, jnp.array(fill, x.dtype), [(*rows, 0), (*columns, 0), (0, int(many), 0), (0, 0, 0)])


def views(x: Array, windows: Windows, *, fill: float = 0.0) -> list[Array]:
    """For each place in a window, in row-major order, what stands there in all windows: (outputs, outputs, batch, channels)
    each. Outside the map stands `fill`."""
    around, (batch, channels) = _spaced(x, *windows.pads, windows, fill), x.shape[2:]

    def view(*place: int) -> Array:
        starts = [side * windows.dilation for side in place]
        ends = (at + (count - 1) * step + 1 for at, count, step in zip(starts, windows.outputs, windows.stride, strict=True))
        return lax.slice(around, (*starts, 0, 0), (*ends, batch, channels), (*windows.stride, 1, 1))

    return [view(*place) for place in windows.places]


def gather(x: Array, weights: Array, windows: Windows) -> Array:
    """y = sum over the places (u, v) of a window of weights[u, v] x there.

    The weights are (window height, window width, channels or 1).
    """
    weights = weights[:, :, None, None, None]
    return reduce(add, (weights[place] * view for place, view in zip(windows.places, views(x, windows), strict=True)))


def spread(y: Array, weights: Array, windows: Windows) -> Array:
    """The transpose of `gather`: every output goes back to the places of its window."""
    weights = weights[:, :, None, None, None]
    return send_back((y,), lambda place, y: weights[place] * y, windows)


def send_back(maps: tuple[Array, ...], share: Callable[..., Array], windows: Windows) -> Array:
    """The sum at every place of the map of what the windows over it send there. `share` says what a window sends to a place in
    it, (row, column), given what the maps hold for that window; for windows that do not exist they hold zeros.

    Row s a + r of the map, with 0 <= r < s, lies at place u of window a + (r + p - u d) / s, where that is a whole number; p is
    the number of zeros in front, d the dilation. So the rows of one r are a sum of shifted outputs, and interleaved the map.
    """
    steps, (batch, channels) = windows.stride, maps[0].shape[2:]
    counts = [-(-size // step) for size, step in zip(windows.size, steps, strict=True)]
    shifts = [_shifts(windows, axis) for axis in (0, 1)]
    low, high = (tuple(max([0, *(sign * shift for of in axis for _, shift in of)]) for axis in shifts) for sign in (-1, 1))
    maps = tuple(_spaced(each, (low[0], high[0]), (low[1], high[1]), windows) for each in maps)

    def phase(rows: list[Pair], columns: list[Pair]) -> Array:
        terms = []
        for (u, down), (v, right) in product(rows, columns):
            top, left = low[0] + down, low[1] + right
            shifted = (each[top : top + counts[0], left : left + counts[1], :batch] for each in maps)
            terms.append(share((u, v), *shifted))
        return reduce(add, terms) if terms else jnp.zeros((*counts, batch, channels), maps[0].dtype)

    if steps == (1, 1):
        return phase(shifts[0][0], shifts[1][0])
    phases = jnp.stack([jnp.stack([phase(rows, columns) for columns in shifts[1]], 2) for rows in shifts[0]], 1)
    whole = phases.reshape(counts[0] * steps[0], counts[1] * steps[1], batch, channels)
    return whole[: windows.size[0], : windows.size[1]]


def _shifts(windows: Windows, axis: int) -> list[list[Pair]]:
    """For each remainder r along an axis, the places in a window that reach it, each with the shift of the outputs it takes."""
    step, front = windows.stride[axis], windows.pads[axis][0]
    return [
        [
            (place, (remainder + front - place * windows.dilation) // step)
            for place in range(windows.window[axis])
            if (remainder + front - place * windows.dilation) % step == 0
        ]
        for remainder in range(step)
    ]

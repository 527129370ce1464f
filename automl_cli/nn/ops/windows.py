"""Windows over a map as shifted, strided views of it: what depthwise convolution and average pooling are made of on a CPU.

XLA's own forms of both look every window up one by one, which on a CPU is five to fifty times slower than going over whole
arrays once for each place in the window. Padding is "same": split evenly, the odd zero at the bottom and right. Arrays are
(height, width, batch, channels).
"""

from functools import reduce
from itertools import product
from operator import add
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.core.operations import padding

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
    def pads(self) -> tuple[Pair, Pair]:
        """Zeros before and behind each axis."""
        reach = (self.dilation * (side - 1) + 1 for side in self.window)
        rows, columns = (padding(*axis, "same") for axis in zip(self.size, reach, self.stride, strict=True))
        return rows, columns


def padded(x: Array, windows: Windows) -> Array:
    """The map with its zeros around."""
    return jnp.pad(x, (*windows.pads, (0, 0), (0, 0)))


def view(x: Array, windows: Windows, row: int, column: int) -> Array:
    """What stands at this place in all windows, of a padded map: (outputs, outputs, batch, channels)."""
    starts = (row * windows.dilation, column * windows.dilation)
    ends = (at + (count - 1) * step + 1 for at, count, step in zip(starts, windows.outputs, windows.stride, strict=True))
    return lax.slice(x, (*starts, 0, 0), (*ends, *x.shape[2:]), (*windows.stride, 1, 1))


def gather(x: Array, weights: Array, windows: Windows) -> Array:
    """y = sum over the places (u, v) of a window of weights[u, v] x there.

    The weights are (window height, window width, channels or 1).
    """
    x, weights = padded(x, windows), weights[:, :, None, None, None]
    places = product(range(windows.window[0]), range(windows.window[1]))
    return reduce(add, (weights[place] * view(x, windows, *place) for place in places))


def spread(y: Array, weights: Array, windows: Windows) -> Array:
    """The transpose of `gather`: every output goes back to the places of its window.

    Row s a + r of the map, with 0 <= r < s, lies at place u of window a + (r + p - u d) / s, where that is a whole number; p is
    the number of zeros in front, d the dilation. So the rows of one r are a sum of shifted outputs, and interleaved the map.
    """
    weights, steps = weights[:, :, None, None, None], windows.stride
    counts = [-(-size // step) for size, step in zip(windows.size, steps, strict=True)]
    shifts = [_shifts(windows, axis) for axis in (0, 1)]
    low, high = (tuple(max([0, *(sign * shift for of in axis for _, shift in of)]) for axis in shifts) for sign in (-1, 1))
    y = jnp.pad(y, ((low[0], high[0]), (low[1], high[1]), (0, 0), (0, 0)))

    def phase(rows: list[Pair], columns: list[Pair]) -> Array:
        terms = [
            weights[u, v] * y[low[0] + down : low[0] + down + counts[0], low[1] + right : low[1] + right + counts[1]]
            for (u, down), (v, right) in product(rows, columns)
        ]
        return reduce(add, terms) if terms else jnp.zeros((*counts, *y.shape[2:]), y.dtype)

    if steps == (1, 1):
        return phase(shifts[0][0], shifts[1][0])
    phases = jnp.stack([jnp.stack([phase(rows, columns) for columns in shifts[1]], 2) for rows in shifts[0]], 1)
    whole = phases.reshape(counts[0] * steps[0], counts[1] * steps[1], *y.shape[2:])
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

"""Convolution by XLA's library without moving a map: the columns and the examples of a map are one axis.

Method: in the layout (height, width, batch, channels) the next column is `batch` pixels away. So a map is one image of height x
(width * batch) pixels, on which the columns of a kernel stand `batch` pixels apart:

    y[i, (j, b)] = sum over (u, v, c) of x[i s + u - p, (j + v - q, b), c] kernel[u, v, c, o]

A stride of t columns splits the columns by their remainder: every t-th column of the map meets every t-th column of the kernel,
and the results are added; in an image they become channels. The gradient of the input is such a convolution for each remainder
of row and column; the results interleave. The gradient of the kernel is a convolution, too, in which the output's gradient is
the kernel. It is computed for a chunk of the output's rows at a time, whose windows stay in the cache:

    g[u, v, c, o] = sum over chunks of the sum over (i, j, b) of x[i s + u - p, j t + v - q, b, c] dy[i, j, b, o]

Speed on a CPU: XLA itself copies the map to have the examples first, and copies the result back, which takes a quarter of the
time. For the gradient of the input at a stride it multiplies by zeros between the outputs: two to twenty times as long.

Limits: the number of examples must be known; a convolution has a stride or a dilation, not both.
"""

from collections.abc import Iterator
from functools import partial, reduce
from operator import add
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops import native
from automl_cli.nn.ops.native import Pads, Pair

EXAMPLES_FIRST = ("NHWC", "HWIO", "NHWC")

FEW, ENOUGH = 16, 20
"""With so few channels and filters XLA takes a routine that is two to four times slower than its library; with `ENOUGH` filters
it takes the library."""

IMAGE_CHANNELS = 4
"""Up to so many channels, as of an image, neighbouring columns are joined where columns have a stride."""

MANY = 24
"""Filters above which a number of channels below 6 needs no filling up."""


class Steps(NamedTuple):
    """The zeros around a map, the distances between windows, and that between the taps of one."""

    pads: Pads
    stride: Pair
    dilation: int


class _Phase(NamedTuple):
    """The positions `start`, `start` + stride, … of an axis, and the taps of the kernel that meet them: for window i the first
    tap meets position `start` + stride * (i + low), the last one `start` + stride * (i + high)."""

    start: int
    taps: slice
    low: int
    high: int


def _phases(taps: int, front: int, stride: int, dilation: int) -> Iterator[_Phase | None]:
    """Yield the phase of each remainder, None if it meets no tap. `front` is the number of zeros in front."""
    for start in range(stride):
        first = (front + start) % stride
        chosen = range(first, taps, stride)
        shifts = [(tap * dilation - front - start) // stride for tap in chosen]
        yield _Phase(start, slice(first, None, stride), shifts[0], shifts[-1]) if shifts else None


def convolution(
    x: Array, kernel: Array, stride: Pair, *, pads: Pads | None = None, dilation: int = 1, chunks: int = 1
) -> Array:
    """Return the convolution of x (height, width, batch, channels) with a kernel (k, l, channels, filters).

    See `ops.convolution`. `pads` are as in `native`; the gradient of the kernel is computed in `chunks`, a divisor of the
    number of the output's rows.
    """
    rows, columns, steps = reached(x.shape, kernel.shape, stride, pads or native.half(kernel.shape), dilation)
    return _convolution(x, kernel[rows, columns], steps, chunks)


def reached(
    shape: tuple[int, ...], kernel: tuple[int, ...], stride: Pair, pads: Pads, dilation: int
) -> tuple[slice, slice, Steps]:
    """Return the rows and columns of a kernel that meet the map in any window, and the steps of a kernel of these alone.

    The result is the same. `shape` is (height, width, batch, channels), `kernel` (k, l, channels, filters). The zeros of the
    steps are exactly those that windows reach.
    """
    taps, around = [], []
    for size, side, (front, behind), step in zip(shape, kernel, pads, stride, strict=False):
        found = reached_taps(size, side, (front, behind), step, dilation)
        windows = output_count(size, side, (front, behind), step, dilation)
        before = front - dilation * found.start
        around.append((before, (windows - 1) * step + dilation * (len(found) - 1) + 1 - size - before))
        taps.append(slice(found.start, found.stop))
    return taps[0], taps[1], Steps((around[0], around[1]), stride, dilation)


def output_count(size: int, taps: int, pads: Pair, stride: int, dilation: int) -> int:
    """Return the number of windows along an axis."""
    return (size + sum(pads) - dilation * (taps - 1) - 1) // stride + 1


def reached_taps(size: int, taps: int, pads: Pair, stride: int, dilation: int) -> range:
    """Return the taps along an axis that meet the map in any window: not all where a kernel is larger than a map."""
    last_window = (output_count(size, taps, pads, stride, dilation) - 1) * stride
    first = max(0, -((last_window - pads[0]) // dilation))
    return range(first, max(first + 1, min(taps, (size - 1 + pads[0]) // dilation + 1)))


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolution(x: Array, kernel: Array, steps: Steps, chunks: int) -> Array:
    return forward(x, kernel, steps)


def _forward(x: Array, kernel: Array, steps: Steps, chunks: int) -> tuple[Array, tuple[Array, Array]]:
    return forward(x, kernel, steps), (x, kernel)


def _backward(steps: Steps, chunks: int, saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, kernel = saved
    x_gradient = input_gradient(gradient, kernel, steps, (x.shape[0], x.shape[1]))
    return x_gradient, kernel_gradient(x, gradient, steps, (kernel.shape[0], kernel.shape[1]), chunks=chunks)


_convolution.defvjp(_forward, _backward)


def forward(x: Array, kernel: Array, steps: Steps) -> Array:
    """Return the convolution of x (height, width, batch, channels) with a kernel (k, l, channels, filters)."""
    (rows, columns), (down, across) = steps.pads, steps.stride
    outputs = output_count(x.shape[1], kernel.shape[1], columns, across, steps.dilation)
    if joins_columns(x.shape[3], across):
        return _correlate(*_columns_as_channels(x, kernel, columns[0], across, outputs), (rows, (0, 0)), down, 1)

    def part(phase: _Phase) -> Array:
        every = x[:, phase.start :: across]
        around = (-phase.low, outputs + phase.high - every.shape[1])
        return _correlate(every, kernel[:, phase.taps], (rows, around), down, steps.dilation)

    phases = _phases(kernel.shape[1], columns[0], across, steps.dilation)
    return reduce(add, (part(phase) for phase in phases if phase is not None and phase.start < x.shape[1]))


def input_gradient(gradient: Array, kernel: Array, steps: Steps, size: Pair) -> Array:
    """Return the gradient of the input, (*size, batch, channels).

    `gradient` is that of the output, (outputs, outputs, batch, filters), the kernel (k, l, channels, filters).
    """
    axes = zip(kernel.shape, steps.pads, steps.stride, strict=False)
    rows, columns = (list(_phases(taps, pads[0], stride, steps.dilation)) for taps, pads, stride in axes)
    counts = [-(-side // stride) for side, stride in zip(size, steps.stride, strict=True)]

    def part(row: _Phase | None, column: _Phase | None) -> Array:
        if row is None or column is None:
            return jnp.zeros((*counts, gradient.shape[2], kernel.shape[2]), gradient.dtype)
        vertical, horizontal = (
            (phase.high, count - phase.low - outputs)
            for phase, count, outputs in zip((row, column), counts, gradient.shape, strict=False)
        )
        taps = kernel[row.taps, column.taps][::-1, ::-1].swapaxes(2, 3)
        return _correlate(gradient, taps, (vertical, horizontal), 1, steps.dilation)

    parts = [_interleaved([part(row, column) for column in columns], 1)[:, : size[1]] for row in rows]
    return _interleaved(parts, 0)[: size[0]]


def kernel_gradient(x: Array, gradient: Array, steps: Steps, sides: Pair, *, chunks: int) -> Array:
    """Return the gradient of the kernel, (*sides, channels, filters).

    x is (height, width, batch, channels), `gradient` that of the output, (outputs, outputs, batch, filters), whose rows are
    split into `chunks`, a divisor of their number.
    """
    (top, _), (left, _) = steps.pads
    rows, (down, across) = len(gradient) // chunks, steps.stride
    height, width = (steps.dilation * (side - 1) + 1 for side in sides)  # that one window spans
    images = x.transpose(3, 0, 1, 2)  # the channels in place of the examples
    bottom = (len(gradient) - 1) * down + height - top - len(x)
    right = (gradient.shape[1] - 1) * across + width - left - x.shape[1]

    def part(images: Array, gradient: Array, vertical: Pair) -> Array:
        apart, around = (steps.dilation, steps.dilation), (vertical, (left, right))
        return lax.conv_general_dilated(
            images, gradient, apart, around, rhs_dilation=steps.stride, dimension_numbers=EXAMPLES_FIRST
        )

    def add_chunk(total: Array, number: Array) -> tuple[Array, None]:
        window = lax.dynamic_slice_in_dim(padded, number * rows * down, (rows - 1) * down + height, 1)
        return total + part(window, lax.dynamic_slice_in_dim(gradient, number * rows, rows, 0), (0, 0)), None

    if chunks == 1:
        total = part(images, gradient, (top, bottom))
    else:
        padded = lax.pad(images, images.dtype.type(0), [(0, 0, 0), (top, bottom, 0), (0, 0, 0), (0, 0, 0)])
        zeros = jnp.zeros((x.shape[3], *sides, gradient.shape[3]), x.dtype)
        total, _ = lax.scan(add_chunk, zeros, jnp.arange(chunks))
    return total.transpose(1, 2, 0, 3)


def joins_columns(channels: int, across: int) -> bool:
    """Return whether neighbouring columns become channels where columns have a stride, so that one convolution does for all."""
    return across > 1 and channels <= IMAGE_CHANNELS


def _columns_as_channels(x: Array, kernel: Array, left: int, across: int, outputs: int) -> tuple[Array, Array]:
    """Return a map with `across` times as many channels and as many times fewer columns, and the kernel for it.

    x is (height, width, batch, channels), the kernel (k, l, channels, filters). With m = ceil(l / across) the result is
    (height, outputs + m - 1, batch, across * channels) and (k, m, across * channels, filters).
    """
    rows, taps, channels, filters = kernel.shape
    wide = -(-taps // across)
    right = (outputs - 1 + wide) * across - left - x.shape[1]
    padded = lax.pad(x, x.dtype.type(0), [(0, 0, 0), (left, right, 0), (0, 0, 0), (0, 0, 0)])
    whole = jnp.pad(kernel, ((0, 0), (0, wide * across - taps), (0, 0), (0, 0)))
    joined = jnp.concatenate([padded[:, start::across] for start in range(across)], -1)
    return joined, whole.reshape(rows, wide, across * channels, filters)


def filled_up(channels: int, filters: int) -> Pair:
    """Return the numbers of channels and filters to compute with: those given, or more, of zeros, where that is faster.

    The library takes up to seven times as long for a number of channels that is no multiple of 4, except for a few of them.
    """
    if channels <= FEW and filters <= FEW:
        filters = ENOUGH
    if channels % 4 and channels not in (1, 2, 6) and (channels > 6 or filters <= MANY):
        channels += -channels % 4
    return channels, filters


def _correlate(x: Array, kernel: Array, pads: Pads, down: int, dilation: int) -> Array:
    """Return the convolution with a stride along the height only; a negative number of zeros cuts the map."""
    height, width, batch, _ = x.shape
    filters = kernel.shape[3]
    more_channels, more_filters = (new - old for new, old in zip(filled_up(*kernel.shape[2:]), kernel.shape[2:], strict=True))
    if more_channels:
        x = jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, more_channels)))
    if more_channels or more_filters:
        kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, more_channels), (0, more_filters)))
    y = lax.conv_general_dilated(
        x.reshape(1, height, width * batch, -1),
        kernel,
        (down, 1),
        (pads[0], (pads[1][0] * batch, pads[1][1] * batch)),
        rhs_dilation=(dilation, dilation * batch),
        dimension_numbers=EXAMPLES_FIRST,
    )
    return y.reshape(y.shape[1], -1, batch, kernel.shape[3])[..., :filters]


def _interleaved(parts: list[Array], axis: int) -> Array:
    """Return the array whose positions along an axis are those of the parts in turn."""
    if len(parts) == 1:
        return parts[0]
    whole = jnp.stack(parts, axis + 1)
    return whole.reshape(*whole.shape[:axis], -1, *whole.shape[axis + 2 :])

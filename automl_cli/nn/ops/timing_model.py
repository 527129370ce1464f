"""The model of how long a convolution takes in each form: features of its shape, which a timing table weighs.

A form takes the sum over its rows in the table of coefficient times feature, in nanoseconds. The features of every row:

    direct.forward          multiply-adds, elements of all windows, elements of the input if columns have a stride, parts
    direct.input_gradient   the same of the gradient: windows of the output, elements of the input if there is a stride, parts
    direct.kernel_gradient  multiply-adds, multiply-adds times doublings, elements of the input, chunks
    shift_gemm              multiply-adds, elements of the output times the square of the taps, elements of the input, 1
    dft_1d, dft_2d          multiply-adds of the products, those of the transforms, elements of the spectra, 1

Rows without a dot are of the value and both gradients together. `native` counts like `direct`, whose place it takes where that
cannot compute a convolution. Parts are the calls of XLA's convolution. With more than `CACHED_POSITIONS` outputs the windows of
a chunk leave the cache; doublings are the logarithm to base 2 of how many times more there are.
"""

from math import log2, prod
from typing import Any, NamedTuple

from automl_cli.nn.ops.dft_1d import goes_along_width
from automl_cli.nn.ops.direct import filled_up, joins_columns, output_count, reached_taps
from automl_cli.nn.ops.native import Pads, Pair

Features = dict[str, tuple[float, ...]]

CACHED_POSITIONS = 2048
"""Outputs whose windows stay in the nearest large cache of the usual CPUs: 1 to 2 MB at some hundred numbers a window."""

ROWS = {
    "direct.forward": 4,
    "direct.input_gradient": 4,
    "direct.kernel_gradient": 4,
    "shift_gemm": 4,
    "dft_1d": 4,
    "dft_2d": 4,
}
"""The rows of a timing table, with the number of features of each."""


class Case(NamedTuple):
    """A convolution: shapes of the map (height, width, batch, channels) and the kernel (k, l, channels, filters), stride, zeros
    around the map, dilation. The batch may be unknown."""

    shape: tuple[Any, ...]
    kernel: tuple[int, ...]
    stride: Pair
    pads: Pads
    dilation: int = 1

    @property
    def batch(self) -> int:
        """Return the number of examples, 1 where it is unknown."""
        return self.shape[2] if isinstance(self.shape[2], int) else 1

    @property
    def outputs(self) -> Pair:
        """Return the height and width of the output."""
        rows, columns = (output_count(*axis) for axis in self._axes())
        return rows, columns

    @property
    def taps(self) -> int:
        """Return the number of taps of the kernel that meet the map."""
        return prod(len(reached_taps(*axis)) for axis in self._axes())

    def _axes(self) -> list[tuple[int, int, Pair, int, int]]:
        return [(self.shape[at], self.kernel[at], self.pads[at], self.stride[at], self.dilation) for at in (0, 1)]


def features(case: Case, form: str, chunks: int = 1) -> Features:
    """Return the features of the rows of a form that can compute this case; `chunks` are those of `direct`."""
    match form:
        case "direct" | "native":
            return _direct(case, chunks)
        case "shift_gemm":
            return {form: _shift_gemm(case)}
        case "dft_1d":
            return {form: _dft_1d(case)}
        case "dft_2d":
            return {form: _dft_2d(case)}
    raise ValueError(f"no model of the form {form}")


def nanoseconds(rows: Features, coefficients: dict[str, tuple[float, ...]]) -> float:
    """Return the time that a timing table predicts for these features."""
    return sum(prod(pair) for name, row in rows.items() for pair in zip(coefficients[name], row, strict=True))


def _direct(case: Case, chunks: int) -> Features:
    channels, filters = case.kernel[2:]
    positions = case.batch * prod(case.outputs)
    read = case.batch * case.shape[0] * case.shape[1] * channels
    windows, (down, across) = positions * case.taps, case.stride
    doublings = max(0.0, log2(positions / chunks / CACHED_POSITIONS))
    exact, forward, backward = windows * channels * filters, filled_up(channels, filters), filled_up(filters, channels)
    parts = 1 if joins_columns(channels, across) else across
    return {
        "direct.forward": (windows * prod(forward), windows * forward[0], read * (across > 1), parts),
        "direct.input_gradient": (windows * prod(backward), windows * backward[0], read * (down * across > 1), down * across),
        "direct.kernel_gradient": (exact, exact * doublings, read, chunks),
    }


def _shift_gemm(case: Case) -> tuple[float, ...]:
    channels, filters = case.kernel[2:]
    positions, taps = case.batch * prod(case.outputs), case.taps
    read = case.batch * case.shape[0] * case.shape[1] * channels
    return positions * taps * channels * filters, positions * filters * taps**2, read, 1


def _dft_1d(case: Case) -> tuple[float, ...]:
    """A transform along one axis; the other one skips what a stride skips."""
    axis = 1 if goes_along_width(case.kernel) else 0
    period, outputs = case.shape[axis] + case.kernel[axis] // 2, case.outputs[axis]
    rows, signals = 3 * (period // 2) + 1, case.batch * case.outputs[1 - axis]
    (channels, filters), size = case.kernel[2:], case.shape[axis]
    transforms = 2 * rows * signals * (size * channels + outputs * filters)
    return 3 * rows * signals * channels * filters, transforms, rows * signals * (channels + filters), 1


def _dft_2d(case: Case) -> tuple[float, ...]:
    """Two rows for each frequency along the height, three for each along the width."""
    (height, width), (channels, filters), outputs = case.shape[:2], case.kernel[2:], case.outputs
    frequencies, across = (height + case.kernel[0] // 2) // 2 + 1, width + case.kernel[1] // 2
    rows = 3 * frequencies * across

    def transform(height: int, width: int) -> int:
        return 2 * frequencies * width * (height + 3 * across)

    transforms = 2 * case.batch * (channels * transform(height, width) + filters * transform(*outputs))
    return 3 * rows * case.batch * channels * filters, transforms, rows * case.batch * (channels + filters), 1

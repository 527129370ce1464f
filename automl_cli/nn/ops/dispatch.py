"""The choice of the fastest form of a convolution on a CPU, by a model of how long each form takes.

Nanoseconds of the forms, forward and both gradients, per pixel of the map and example: the sum of the features below, each
times its coefficient in the timing table in force (`use_timings`). k l is the size of the kernel, c and f are channels and
filters, n the longest side of the map that a form transforms, s the product of the strides:

    native     k l c f and k l without a stride, k l c f / s and k l / s with one
    shift_gemm (k l)^2 f and c, without a stride
    dft_1d     n (c + f / s), c f and 1, a stride across the kernel divides all of it
    dft_2d     n (c + f / sqrt(s)) and c f

`tests/benchmarks/convolutions.py` measures all forms and the loss by errors of the model.
"""

from math import sqrt
from typing import Any

from automl_cli.nn.ops.backend import element_count
from automl_cli.store.timings_in_force import timings_in_force, use_timings

__all__ = ["choose_form", "timings_in_force", "use_timings"]

Pair = tuple[int, int]

MOST_TAPS, MOST_COLUMNS, MOST_WRITTEN = 15, 80, 2**22
"""Limits of `shift_gemm`: taps, columns, and elements that its product writes. Beyond them memory decides, which is not
modelled."""

LARGE_WINDOWS = 2**23
"""Elements of XLA's window matrix for the kernel gradient from which on that gradient is computed in chunks."""


def choose_form(shape: tuple[Any, ...], kernel: tuple[int, ...], stride: Pair, *, usual: bool = True) -> str:
    """Return the name of the fastest form for a map (height, width, batch, channels) and a kernel (k, l, channels, filters).

    `usual` says that padding is "half" without dilation, which all forms but native and shift_gemm need. The batch may be
    unknown.
    """
    if kernel[:2] == (1, 1) and usual:
        return "pointwise"
    costs = _costs(shape, kernel, stride, usual=usual)
    form = min(costs, key=lambda name: costs[name])
    chunks = form == "native" and usual and stride == (1, 1) and kernel[0] % 2 == kernel[1] % 2 == 1
    windows = kernel[0] * kernel[1] * element_count(shape)
    return "direct" if chunks and windows >= LARGE_WINDOWS else form


def _costs(shape: tuple[Any, ...], kernel: tuple[int, ...], stride: Pair, *, usual: bool) -> dict[str, float]:
    """Return nanoseconds of each form that supports this convolution and may be the fastest."""
    (height, width), (rows, columns, channels, filters) = shape[:2], kernel
    taps, steps, products = rows * columns, stride[0] * stride[1], channels * filters
    features: dict[str, tuple[float, ...]] = {}
    if not usual or (rows <= -(-height // stride[0]) and columns <= -(-width // stride[1])):
        # A kernel larger than the image sends XLA to a routine that is 15 to 30 times slower.
        window = (taps * products / steps, taps / steps)
        features["native"] = (*window, 0.0, 0.0) if steps == 1 else (0.0, 0.0, *window)
        written = element_count(shape[:3]) * taps * filters
        if steps == 1 and taps <= MOST_TAPS and taps * filters <= MOST_COLUMNS and written <= MOST_WRITTEN:
            features["shift_gemm"] = (taps**2 * filters, channels)
    if usual and 1 in (rows, columns):
        side, along, across = (width, stride[1], stride[0]) if rows == 1 else (height, stride[0], stride[1])
        features["dft_1d"] = (side * (channels + filters / along) / across, products / across, 1 / across)
    elif usual:
        features["dft_2d"] = (max(height, width) * (channels + filters / sqrt(steps)), products)
    table = timings_in_force().coefficients
    return {
        form: sum(coefficient * feature for coefficient, feature in zip(table[form], row, strict=True))
        for form, row in features.items()
    }

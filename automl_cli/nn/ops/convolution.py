"""Convolution: one face, several forms, and the rule that chooses among them."""

from functools import partial

from jax import Array

from automl_cli.core.operations import Padding, padding, reach
from automl_cli.nn.ops import direct, fourier, line, native, product, taps
from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.rectified import of_positive_part
from automl_cli.nn.ops.rectified import relu as positive_part

FORMS = {
    "native": native.convolution,
    "direct": direct.convolution,
    "product": product.convolution,
    "line": line.convolution,
    "fourier": fourier.convolution,
    "taps": taps.convolution,
}
KEEP_SPECTRA = ("line", "fourier")
"""Forms that keep more for their gradient than the input and the kernel."""


def convolution(
    x: Array,
    kernel: Array,
    *,
    stride: tuple[int, int] = (1, 1),
    dilation: int = 1,
    rule: Padding = "half",
    relu: bool = False,
) -> Array:
    """Cross-correlation, with zeros around by a rule of `core.operations`. With "half" and no dilation:

    y[i, j, b, o] = sum over (u, v, c) of x[i s + u - k // 2, j t + v - l // 2, b, c] kernel[u, v, c, o]

    x is (height, width, batch, channels), the kernel (k, l, channels, filters), the result
    (ceil(height / s), ceil(width / t), batch, filters), less at the edges with "valid". With `relu`, of the positive part of x.
    """
    sides = (kernel.shape[0], kernel.shape[1])
    axes = tuple(zip(x.shape[:2], reach(sides, dilation), stride, strict=True))
    pads = (padding(*axes[0], rule), padding(*axes[1], rule))
    if dilation != 1 or pads != (padding(*axes[0], "half"), padding(*axes[1], "half")):
        module = taps if for_cpu(x) and _few_columns(kernel.shape, stride) else native
        padded = partial(module.convolution, stride=stride, pads=pads, dilation=dilation)
        return of_positive_part(padded, x, kernel) if relu else padded(x, kernel)
    form = choose_form(x.shape, kernel.shape, stride) if for_cpu(x) else "native"
    chosen = partial(FORMS[form], stride=stride)
    if relu and form not in KEEP_SPECTRA:
        return of_positive_part(chosen, x, kernel)
    return chosen(positive_part(x) if relu else x, kernel)


def choose_form(shape: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, int]) -> str:
    """The name of the fastest form on a CPU for (height, width, batch, channels) and (k, l, channels, filters)."""
    sides, (channels, filters) = kernel[:2], kernel[2:]
    if sides == (1, 1):
        return "product"
    form = "line" if 1 in sides else "fourier"
    outputs = [-(-size // step) for size, step in zip(shape, stride, strict=False)]
    if sides[0] > outputs[0] or sides[1] > outputs[1]:
        return form  # a kernel larger than the image sends XLA to a routine that is 15 to 30 times slower
    steps = stride[0] * stride[1]
    direct_cost = sides[0] * sides[1] * channels * filters / steps
    maps_cost = MAP_COST[form] * max(shape[:2]) * (channels + filters / steps) + PRODUCT_COST * channels * filters
    if direct_cost > maps_cost:
        return form
    return "taps" if _few_columns(kernel, stride) else "direct"


def _few_columns(kernel: tuple[int, ...], stride: tuple[int, int]) -> bool:
    """Whether a product to all taps of the kernel is worth its columns."""
    return stride == (1, 1) and kernel[0] * kernel[1] * kernel[3] <= MOST_COLUMNS


MAP_COST = {"fourier": 4.0, "line": 1.0}
PRODUCT_COST = 1.5

MOST_COLUMNS = 80
"""Of the product to all taps. Measured at 32 x 32 and 16 x 16: with 72 columns twice as fast as direct, with 144 as fast."""

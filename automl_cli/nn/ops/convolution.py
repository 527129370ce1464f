"""Convolution: one function with several forms, of which `dispatch` chooses one."""

from collections.abc import Callable
from functools import partial
from typing import Any

from jax import Array

from automl_cli.nn.ops import dft_1d, dft_2d, direct, native, pointwise, shift_gemm
from automl_cli.nn.ops.backend import for_cpu
from automl_cli.nn.ops.dispatch import choose_chunks, choose_form
from automl_cli.nn.ops.relu_recomputed import of_positive_part
from automl_cli.nn.ops.relu_recomputed import relu as positive_part
from automl_cli.values.operations import Padding, padding, reach

FORMS: dict[str, Callable[..., Array]] = {
    "native": native.convolution,
    "direct": direct.convolution,
    "pointwise": pointwise.convolution,
    "dft_1d": dft_1d.convolution,
    "dft_2d": dft_2d.convolution,
    "shift_gemm": shift_gemm.convolution,
}
ANY_PADS = ("native", "direct", "shift_gemm")
"""Forms for any padding and dilation. The others support only "half" padding without dilation."""


def convolution(
    x: Array,
    kernel: Array,
    *,
    stride: tuple[int, int] = (1, 1),
    dilation: int = 1,
    rule: Padding = "half",
    relu: bool = False,
) -> Array:
    """Return the cross-correlation of x with a kernel, padded by a rule of `values.operations`.

    With "half" padding and no dilation:

        y[i, j, b, o] = sum over (u, v, c) of x[i s + u - k // 2, j t + v - l // 2, b, c] kernel[u, v, c, o]

    x is (height, width, batch, channels), the kernel (k, l, channels, filters), the result (ceil(height / s), ceil(width / t),
    batch, filters), or smaller with "valid" padding. With `relu`, x is replaced by its positive part.
    """
    sides = (kernel.shape[0], kernel.shape[1])
    rows, columns = zip(x.shape[:2], reach(sides, dilation), stride, strict=True)
    where: dict[str, Any] = {"pads": (padding(*rows, rule), padding(*columns, rule)), "dilation": dilation}
    form = choose_form(x.shape, kernel.shape, stride, **where) if for_cpu(x) else "native"
    more = where if form in ANY_PADS else {}
    if form == "direct":
        more = {**more, "chunks": choose_chunks(x.shape, kernel.shape, stride, **where)}
    chosen = partial(FORMS[form], stride=stride, **more)
    if relu and not _keeps_spectra(form, x.shape, kernel.shape):
        return of_positive_part(chosen, x, kernel)
    return chosen(positive_part(x) if relu else x, kernel)


def _keeps_spectra(form: str, shape: tuple[int, ...], kernel: tuple[int, ...]) -> bool:
    """Return whether the form saves more for its gradient than the input and the kernel."""
    return form == "dft_2d" or (form == "dft_1d" and not dft_1d.goes_row_by_row(shape, kernel))

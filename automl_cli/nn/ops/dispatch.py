"""The choice of the fastest form of a convolution on a CPU.

Which forms can compute a convolution, and which may be fast, is a rule. Among them the timing table in force decides
(`store.timings_in_force`), by the model of `timing_model`. The low bits of a result depend on nothing but shapes and that
table.
"""

from typing import Any

from automl_cli.nn.ops import native
from automl_cli.nn.ops.native import Pads, Pair
from automl_cli.nn.ops.timing_model import Case, features, nanoseconds
from automl_cli.store.timings_in_force import timings_in_force

MOST_TAPS, MOST_COLUMNS, MOST_WRITTEN = 15, 80, 2**22
"""Limits of `shift_gemm`: taps, columns, and elements that its product writes. Beyond them memory decides, which is not
modelled."""

FEWEST_POSITIONS = 1024
"""Outputs of a chunk of a kernel gradient, at the least: below, the calls take longer than the products."""

WORTH_A_LOOP = 0.9
"""A kernel gradient in chunks must take at most this share of the time of one without: its loop takes a tenth of a second
longer to compile."""


def choose_form(
    shape: tuple[Any, ...], kernel: tuple[int, ...], stride: Pair, *, pads: Pads | None = None, dilation: int = 1
) -> str:
    """Return the name of the fastest form for a map (height, width, batch, channels) and a kernel (k, l, channels, filters).

    Without `pads` the padding is "half" for a kernel without dilation. The batch may be unknown.
    """
    case = Case(shape, kernel, stride, pads or native.half(kernel), dilation)
    forms = applicable_forms(case)
    if len(forms) == 1:
        return forms[0]
    table = timings_in_force().coefficients

    def time(form: str) -> float:
        return nanoseconds(features(case, form, _chunks(case, table) if form == "direct" else 1), table)

    return min(forms, key=time)


def choose_chunks(
    shape: tuple[Any, ...], kernel: tuple[int, ...], stride: Pair, *, pads: Pads | None = None, dilation: int = 1
) -> int:
    """Return the number of chunks of `direct`'s kernel gradient; the arguments are those of `choose_form`."""
    case = Case(shape, kernel, stride, pads or native.half(kernel), dilation)
    return _chunks(case, timings_in_force().coefficients)


def applicable_forms(case: Case) -> list[str]:
    """Return the forms that can compute a convolution and may be the fastest."""
    (rows, columns, _, filters), usual = case.kernel, case.pads == native.half(case.kernel) and case.dilation == 1
    if usual and (rows, columns) == (1, 1):
        return ["pointwise"]
    without_stride, known = case.stride == (1, 1), isinstance(case.shape[2], int)
    forms = ["direct" if known and (without_stride or case.dilation == 1) else "native"]
    written = case.batch * case.shape[0] * case.shape[1] * rows * columns * filters
    small = rows * columns <= MOST_TAPS and rows * columns * filters <= MOST_COLUMNS and written <= MOST_WRITTEN
    if without_stride and small:
        forms.append("shift_gemm")
    if usual:
        forms.append("dft_1d" if 1 in (rows, columns) else "dft_2d")
    return forms


def possible_chunks(case: Case) -> list[int]:
    """Return the numbers of chunks that the outputs of a convolution can be split into, without too small ones."""
    rows, columns = case.outputs
    return [
        chunks
        for chunks in range(1, rows + 1)
        if rows % chunks == 0 and (chunks == 1 or rows // chunks * columns * case.batch >= FEWEST_POSITIONS)
    ]


def _chunks(case: Case, table: dict[str, tuple[float, ...]]) -> int:
    def time(chunks: int) -> float:
        name = "direct.kernel_gradient"
        return nanoseconds({name: features(case, "direct", chunks)[name]}, table)

    best = min(possible_chunks(case), key=time)
    return best if time(best) <= WORTH_A_LOOP * time(1) else 1

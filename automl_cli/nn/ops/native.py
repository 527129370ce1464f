"""Convolution as XLA's own operation: the form for GPUs and TPUs, and on a CPU wherever no other form is faster."""

from jax import Array, lax

from automl_cli.values.operations import padding

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]
"""Zeros before and behind each axis."""

LAYOUT = ("HWNC", "HWIO", "HWNC")


def convolution(x: Array, kernel: Array, stride: Pair, *, pads: Pads | None = None, dilation: int = 1) -> Array:
    """See `ops.convolution`. Without `pads` there are the zeros of "half" for a kernel that is not dilated."""
    around = pads or half(kernel)
    return lax.conv_general_dilated(x, kernel, stride, around, rhs_dilation=(dilation, dilation), dimension_numbers=LAYOUT)


def half(kernel: Array) -> Pads:
    """The zeros of "half", which depend on nothing but the kernel."""
    rows, columns = (padding(0, side, 1, "half") for side in kernel.shape[:2])
    return rows, columns

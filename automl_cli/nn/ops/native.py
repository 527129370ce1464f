"""XLA's own convolution: the form for GPUs and TPUs, and on a CPU where `direct` cannot compute one."""

from jax import Array, lax

from automl_cli.values.operations import padding

Pair = tuple[int, int]
Pads = tuple[Pair, Pair]
"""Numbers of zeros before and behind each axis."""

LAYOUT = ("HWNC", "HWIO", "HWNC")


def convolution(x: Array, kernel: Array, stride: Pair, *, pads: Pads | None = None, dilation: int = 1) -> Array:
    """Return the convolution of x (height, width, batch, channels) with a kernel (k, l, channels, filters) by XLA.

    See `ops.convolution`. Without `pads` the padding is "half" for a kernel without dilation.
    """
    around = pads or half(kernel.shape)
    return lax.conv_general_dilated(x, kernel, stride, around, rhs_dilation=(dilation, dilation), dimension_numbers=LAYOUT)


def half(kernel: tuple[int, ...]) -> Pads:
    """Return the zeros of "half" padding, which depend only on the shape of the kernel, (k, l, channels, filters)."""
    rows, columns = (padding(0, side, 1, "half") for side in kernel[:2])
    return rows, columns

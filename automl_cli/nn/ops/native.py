"""Convolution as XLA's own operation: the form for GPUs and TPUs, and on a CPU wherever no other form is faster."""

from jax import Array, lax

Pair = tuple[int, int]

LAYOUT = ("HWNC", "HWIO", "HWNC")


def convolution(x: Array, kernel: Array, stride: Pair, *, pads: tuple[Pair, Pair] | None = None, dilation: int = 1) -> Array:
    """See `ops.convolution`. `pads` are the zeros around each axis; None: as "half" has them."""
    around = pads or [(size // 2, (size - 1) // 2) for size in kernel.shape[:2]]
    return lax.conv_general_dilated(x, kernel, stride, around, rhs_dilation=(dilation, dilation), dimension_numbers=LAYOUT)

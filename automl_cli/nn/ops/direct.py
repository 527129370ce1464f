"""XLA's convolution with a cache-friendly kernel gradient: the form for large images, small kernels and few channels.

Method: the forward pass and the gradient for the input are XLA's own. The gradient for the kernel is a convolution, too, in
which the output's gradient is the kernel, the image the window and the batch the channels:

    g[u, v, c, o] = sum over (b, i, j) of x[i + u - k // 2, j + v - l // 2, b, c] d[i, j, b, o]

Speed on a CPU: XLA copies all windows of an image to one matrix before it multiplies; for a window as large as the image that
matrix exceeds the cache. Chunks of the batch with about 4,096 pixels each stay inside it. XLA does not transpose convolutions
inside loops to the axis order of its fast routine, so this module does. With 2 or 3 channels some of XLA's convolutions take
two to four times as long as with 4 (7 x 7 to 24 filters, large images), so missing channels are filled with zeros, which costs
other convolutions a sixth at most.

Limits: below 16 x 16 a batch is one or two chunks and nothing is gained. Strided convolutions are left to XLA. With few filters
the products of `shift_gemm` are faster.
"""

import jax
import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops import native

POSITIONS_PER_CHUNK = 4096


def convolution(x: Array, kernel: Array, stride: tuple[int, int]) -> Array:
    """Return the convolution of x (height, width, batch, channels) with a kernel (k, l, channels, filters); see
    `ops.convolution`."""
    missing = 4 - kernel.shape[2]
    if missing in (1, 2):
        x = jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, missing)))
        kernel = jnp.pad(kernel, ((0, 0), (0, 0), (0, missing), (0, 0)))
    if stride != (1, 1) or min(kernel.shape[0] % 2, kernel.shape[1] % 2) == 0:
        return native.convolution(x, kernel, stride)
    return _convolution(x, kernel)


@jax.custom_vjp
def _convolution(x: Array, kernel: Array) -> Array:
    """Convolve with stride 1 and a kernel with odd sides."""
    return native.convolution(x, kernel, (1, 1))


def _forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _convolution(x, kernel), (x, kernel)


def _backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, kernel = saved
    flipped = kernel[::-1, ::-1].swapaxes(2, 3)
    return native.convolution(gradient, flipped, (1, 1)), _kernel_gradient(x, gradient, (kernel.shape[0], kernel.shape[1]))


_convolution.defvjp(_forward, _backward)


def _kernel_gradient(x: Array, gradient: Array, sides: tuple[int, int]) -> Array:
    padding = [(side // 2, side // 2) for side in sides]
    x_chunks, gradient_chunks = _chunks(x), _chunks(gradient)
    images = x_chunks.transpose(0, 4, 1, 2, 3)  # (chunks, channels as batch, height, width, batch as channels)

    def add_chunk(total: Array, chunk: tuple[Array, Array]) -> tuple[Array, None]:
        part = lax.conv_general_dilated(*chunk, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return total + part, None

    shape = (x.shape[3], *sides, gradient.shape[3])
    total, _ = lax.scan(add_chunk, jnp.zeros(shape, x.dtype), (images, gradient_chunks))
    return total.transpose(1, 2, 0, 3)


def _chunks(tensor: Array) -> Array:
    """Split the batch: (height, width, batch, channels) -> (chunks, height, width, batch of a chunk, channels)."""
    height, width, batch, channels = tensor.shape
    size = max(1, min(batch, POSITIONS_PER_CHUNK // (height * width)))
    while batch % size:
        size -= 1
    return tensor.reshape(height, width, batch // size, size, channels).transpose(2, 0, 1, 3, 4)

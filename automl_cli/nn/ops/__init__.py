"""The operations of children, each one function whose form is chosen by backend and shape.

    convolution       convolution, by the form that `dispatch` takes
    dispatch          which form of convolution is the fastest
    native            XLA's own convolution
    direct            XLA's own, with the kernel gradient in chunks
    pointwise         1 x 1 kernels, as one matrix product
    shift_gemm        few taps and filters, as one matrix product and shifted sums
    dft_1d            k x 1 and 1 x k kernels in the frequency domain
    dft_2d            other kernels in the frequency domain
    dft_matrices      the matrices of both
    normalisation     batch norm and ReLU
    relu_recomputed   ReLU in front of a linear map, computed again for the gradient
    depthwise         one kernel per channel
    depthwise_kernel  its gradient for the kernel on a CPU
    units             what the units of networks compute, made of the above
    max_pooling       the maximum over windows
    average_pooling   the mean over windows
    windows           windows as shifted views of a map, for depthwise convolution and pooling on a CPU
    no_inline         functions that XLA does not take apart
    subsampling       the shortcut without weights between residual blocks of different shape
    concatenation     zero padding to the largest size, concatenation
    backend           which arrays take the forms for a CPU, which devices multiply bfloat16

All arrays are (height, width, batch, channels), float32 or, where the device computes with it, bfloat16 (`backend`); kernels
are (height, width, input channels, filters). Places come first because then the forms that are products of matrices never move
an operand; GPUs and TPUs lay arrays out as they like anyway.
"""

from automl_cli.nn.ops.average_pooling import average_pool
from automl_cli.nn.ops.concatenation import join
from automl_cli.nn.ops.convolution import convolution
from automl_cli.nn.ops.depthwise import depthwise
from automl_cli.nn.ops.max_pooling import max_pool
from automl_cli.nn.ops.normalisation import batch_norm, moving_average, normalise
from automl_cli.nn.ops.subsampling import subsample

__all__ = [
    "average_pool",
    "batch_norm",
    "convolution",
    "depthwise",
    "join",
    "max_pool",
    "moving_average",
    "normalise",
    "subsample",
]

"""The operations of children, each one function whose form is chosen by backend and shape.

    convolution       convolution, in the form that `dispatch` chooses
    dispatch          chooses the fastest form of a convolution
    timing_model      predicts how long a form takes
    native            XLA's own convolution
    direct            by XLA's library without moving a map, strides and large kernels in parts
    pointwise         1 x 1 kernels, as one matrix product
    shift_gemm        few taps and filters, as one matrix product and shifted sums
    dft_1d            k x 1 and 1 x k kernels in the frequency domain
    dft_2d            other kernels in the frequency domain
    dft_matrices      the matrices of both
    normalisation     batch norm and ReLU
    relu_recomputed   ReLU in front of a linear map, recomputed for the gradient
    depthwise         one kernel per channel
    depthwise_kernel  its gradient for the kernel on a CPU
    units             the units of networks, composed of the operations above
    max_pooling       the maximum over windows
    average_pooling   the mean over windows
    windows           windows as shifted views of a map, for depthwise convolution and pooling on a CPU
    no_inline         functions that XLA does not inline
    subsampling       the shortcut without weights between residual blocks of different shape
    concatenation     zero padding to the largest size, concatenation
    backend           tests for CPU forms and for bfloat16 hardware
    activations  activation functions with trained parameters, or as data

All arrays are (height, width, batch, channels), float32 or, on devices that compute with it, bfloat16 (`backend`); kernels are
(height, width, input channels, filters). Height and width come first because the forms that are matrix products then never move
an operand; GPUs and TPUs choose their own layouts anyway.
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

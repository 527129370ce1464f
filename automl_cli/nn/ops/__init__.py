"""The operations of children, each one function whose form is chosen by backend and shape.

    convolution     the face; choice: which form is taken; forms: native, direct, taps, product, line, fourier (transforms:
                    their matrices)
    normalisation   batch norm and ReLU
    rectified       ReLU in front of a linear map
    depthwise       one kernel per channel; depthwise_kernel: its gradient for the kernel on a CPU
    units           what the units of networks compute, made of the above
    pooling         max pooling
    average_pooling the mean over windows
    windows         windows as shifted views of a map, which depthwise convolution and pooling are made of on a CPU
    outlines        functions that XLA does not take apart
    joining         zero padding to the largest size, concatenation
    backend         which arrays take the forms for a CPU, which devices multiply bfloat16

All arrays are (height, width, batch, channels), float32 or, where the device computes with it, bfloat16 (`backend`); kernels
are (height, width, input channels, filters). Places come first because then the forms that are products of matrices never move
an operand; GPUs and TPUs lay arrays out as they like anyway.
"""

from automl_cli.nn.ops.average_pooling import average_pool
from automl_cli.nn.ops.convolution import convolution
from automl_cli.nn.ops.depthwise import depthwise
from automl_cli.nn.ops.joining import join
from automl_cli.nn.ops.normalisation import batch_norm, moving_average, normalise
from automl_cli.nn.ops.pooling import max_pool

__all__ = ["average_pool", "batch_norm", "convolution", "depthwise", "join", "max_pool", "moving_average", "normalise"]

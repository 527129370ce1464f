"""The operations of children, each one function whose form is chosen by backend and shape.

    convolution     the face and the rule; forms: native, direct, product, line, fourier (transforms: their matrices)
    normalisation   batch norm and ReLU
    pooling         max pooling
    joining         zero padding to the largest size, concatenation

All arrays are (height, width, batch, channels), float32; kernels are (height, width, input channels, filters). Places come
first because then the forms that are products of matrices never move an operand; GPUs and TPUs lay arrays out as they like
anyway.
"""

from automl_cli.nn.ops.convolution import convolution
from automl_cli.nn.ops.joining import join
from automl_cli.nn.ops.normalisation import batch_norm, moving_average, normalise
from automl_cli.nn.ops.pooling import max_pool

__all__ = ["batch_norm", "convolution", "join", "max_pool", "moving_average", "normalise"]

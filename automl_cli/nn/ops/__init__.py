"""The operations of children, each one function whose form is chosen by backend and shape.

    convolution   zero-padded convolution, its two gradients
    normalisation batch norm and ReLU
    pooling       max and average pooling
    joining       zero padding to the largest size, concatenation

All arrays are (batch, height, width, channels), float32; kernels are (height, width, input channels, output channels).
"""

from automl_cli.nn.ops.convolution import convolution
from automl_cli.nn.ops.joining import join
from automl_cli.nn.ops.normalisation import batch_norm, normalise
from automl_cli.nn.ops.pooling import max_pool

__all__ = ["batch_norm", "convolution", "join", "max_pool", "normalise"]

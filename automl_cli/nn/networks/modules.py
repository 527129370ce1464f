"""One Flax module per operation of a network.

A module draws its own parameters with NumPy when it is made, so making a network compiles nothing. It is called with the
tensors of its block's inputs, not yet joined, and with `train`: whether batch norm uses, and records, the moments of this
batch.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from automl_cli.core.networks import ConvolutionUnit, MaxPool
from automl_cli.nn import ops

STATISTICS_MOMENTUM = 0.9
"""Running statistics keep this share of themselves at each step."""


class ConvolutionModule(nnx.Module):
    """Convolution without bias, batch norm, ReLU. Kernels are drawn normal with variance 2 / fan in (arXiv 1502.01852)."""

    def __init__(self, unit: ConvolutionUnit, channels: int, random: np.random.Generator) -> None:
        shape = (*unit.kernel, channels, unit.filters)
        drawn = random.standard_normal(shape, np.float32) * np.sqrt(np.float32(2 / np.prod(shape[:3])))
        self.unit = unit
        self.kernel = nnx.Param(jnp.asarray(drawn))
        self.norm = BatchNorm(unit.filters)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        y = ops.convolution(ops.join(inputs), self.kernel[...], stride=self.unit.stride)
        return self.norm(y, relu=True, train=train)


class BatchNorm(nnx.Module):
    """Batch norm with a scale and an offset per channel, and running moments for evaluation."""

    def __init__(self, channels: int) -> None:
        self.scale = nnx.Param(jnp.ones(channels))
        self.offset = nnx.Param(jnp.zeros(channels))
        self.mean = nnx.BatchStat(jnp.zeros(channels))
        self.variance = nnx.BatchStat(jnp.ones(channels))

    def __call__(self, x: Array, *, relu: bool, train: bool) -> Array:
        if not train:
            return ops.normalise(x, self.scale[...], self.offset[...], self.mean[...], self.variance[...], relu=relu)
        y, mean, variance = ops.batch_norm(x, self.scale[...], self.offset[...], relu=relu)
        self.mean[...] = STATISTICS_MOMENTUM * self.mean[...] + (1 - STATISTICS_MOMENTUM) * mean
        self.variance[...] = STATISTICS_MOMENTUM * self.variance[...] + (1 - STATISTICS_MOMENTUM) * variance
        return y


class MaxPoolModule(nnx.Module):
    """Maximum over windows; no parameters."""

    def __init__(self, pool: MaxPool, channels: int, random: np.random.Generator) -> None:
        self.pool = pool

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.max_pool(ops.join(inputs), self.pool.window, self.pool.stride)


class Classifier(nnx.Module):
    """Global average pooling of the joined outputs, then one linear layer; returns logits (batch, classes)."""

    def __init__(self, features: int, classes: int, random: np.random.Generator) -> None:
        drawn = random.standard_normal((features, classes), np.float32) * np.sqrt(np.float32(1 / features))
        self.weights = nnx.Param(jnp.asarray(drawn))
        self.bias = nnx.Param(jnp.zeros(classes))

    def __call__(self, outputs: Sequence[Array]) -> Array:
        return ops.join(outputs).mean((0, 1)) @ self.weights[...] + self.bias[...][None]


MODULES = {ConvolutionUnit: ConvolutionModule, MaxPool: MaxPoolModule}
"""Which module computes an operation. Each is made from the operation, the channels of its joined inputs and a generator."""

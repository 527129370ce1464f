"""One Flax module per operation of a network.

A module draws its own parameters with NumPy when it is made, so making a network compiles nothing. It is called with the
tensors of its block's inputs, not yet joined, and with `train`: whether batch norm uses, and records, the moments of this
batch.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from automl_cli.core.networks import (
    Activation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    MaxPool,
    SeparableUnit,
)
from automl_cli.nn import ops
from automl_cli.nn.networks.initial import Initial


class ConvolutionModule(nnx.Module):
    """Convolution without bias and batch norm, with ReLU after both, before both, or nowhere."""

    def __init__(self, unit: ConvolutionUnit, channels: int, initial: Initial) -> None:
        self.unit = unit
        self.kernel = initial.kernel(*unit.kernel, channels, unit.filters)
        self.norm = BatchNorm(unit.filters)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        unit, x = self.unit, ops.join(inputs)
        if unit.order == "act-conv-bn":
            x = jax.nn.relu(x)
        y = ops.convolution(x, self.kernel[...], stride=unit.stride, dilation=unit.dilation, rule=unit.padding)
        return self.norm(y, relu=unit.order == "conv-bn-act", train=train)


class SeparableModule(nnx.Module):
    """ReLU, depthwise convolution, 1 x 1 convolution, batch norm."""

    def __init__(self, unit: SeparableUnit, channels: int, initial: Initial) -> None:
        self.unit = unit
        self.depthwise = initial.depthwise(unit.kernel, unit.kernel, channels)
        self.pointwise = initial.kernel(1, 1, channels, unit.filters)
        self.norm = BatchNorm(unit.filters)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        x = jax.nn.relu(ops.join(inputs))
        x = ops.depthwise(x, self.depthwise[...], stride=self.unit.stride, dilation=self.unit.dilation)
        return self.norm(ops.convolution(x, self.pointwise[...]), relu=False, train=train)


class FactorizedReductionModule(nnx.Module):
    """Even places to one half of the filters, odd places to the other, each by a 1 x 1 convolution; batch norm over both."""

    def __init__(self, unit: FactorizedReduction, channels: int, initial: Initial) -> None:
        self.unit = unit
        self.even = initial.kernel(1, 1, channels, unit.filters // 2)
        self.odd = initial.kernel(1, 1, channels, unit.filters - unit.filters // 2)
        self.norm = BatchNorm(unit.filters)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        x = ops.join(inputs)
        if self.unit.order == "act-conv-bn":
            x = jax.nn.relu(x)
        shifted = jnp.pad(x[1:, 1:], ((0, 1), (0, 1), (0, 0), (0, 0)))
        halves = [ops.convolution(part, kernel[...], stride=(2, 2)) for part, kernel in ((x, self.even), (shifted, self.odd))]
        return self.norm(jnp.concatenate(halves, axis=-1), relu=False, train=train)


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
        self.mean[...] = ops.moving_average(self.mean[...], mean)
        self.variance[...] = ops.moving_average(self.variance[...], variance)
        return y


class MaxPoolModule(nnx.Module):
    """Maximum over windows; no parameters."""

    def __init__(self, pool: MaxPool, channels: int, initial: Initial) -> None:
        self.pool = pool

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.max_pool(ops.join(inputs), self.pool.window, self.pool.stride)


class AveragePoolModule(nnx.Module):
    """Mean over windows; no parameters."""

    def __init__(self, pool: AveragePool, channels: int, initial: Initial) -> None:
        self.pool = pool

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.average_pool(ops.join(inputs), self.pool.window, self.pool.stride, padding=self.pool.padding)


class ActivationModule(nnx.Module):
    """ReLU."""

    def __init__(self, operation: Activation, channels: int, initial: Initial) -> None:
        pass

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return jax.nn.relu(ops.join(inputs))


class IdentityModule(nnx.Module):
    """The join of the inputs."""

    def __init__(self, operation: Identity, channels: int, initial: Initial) -> None:
        pass

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.join(inputs)


class Classifier(nnx.Module):
    """Global average pooling of the joined outputs, then one linear layer; returns logits (batch, classes)."""

    def __init__(self, features: int, classes: int, initial: Initial) -> None:
        self.weights = initial.weights(features, classes)
        self.bias = nnx.Param(jnp.zeros(classes))

    def __call__(self, outputs: Sequence[Array]) -> Array:
        return ops.join(outputs).mean((0, 1)) @ self.weights[...] + self.bias[...][None]


MODULES = {
    ConvolutionUnit: ConvolutionModule,
    SeparableUnit: SeparableModule,
    FactorizedReduction: FactorizedReductionModule,
    MaxPool: MaxPoolModule,
    AveragePool: AveragePoolModule,
    Activation: ActivationModule,
    Identity: IdentityModule,
}
"""Which module computes an operation. Each is made from the operation, the channels of its joined inputs and how to draw."""

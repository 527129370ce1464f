"""One Flax module per operation of a network.

A module draws its own parameters with NumPy when it is made, so making a network compiles nothing. It is called with the
tensors of its block's inputs, not yet joined, and with `train`: whether batch norm uses, and records, the moments of this
batch.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from flax import nnx
from jax import Array

from automl_cli.nn import ops
from automl_cli.nn.networks.initialization import Initializer
from automl_cli.nn.ops.units import (
    ActivationFunction,
    Unit,
    activated,
    activations,
    batch_norm_then,
    is_normalised,
    kernel_shapes,
    normalise_then,
    transform,
)
from automl_cli.values.network import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    MaxPool,
    Normalisation,
    SeparableUnit,
    Subsampling,
)


class UnitModule(nnx.Module):
    """A linear map, with or without an activation before it, then batch norm, with or without one behind it: `ops.units`."""

    def __init__(self, unit: Unit, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.unit = unit
        self.first, self.last = activations(unit, activation)
        for name, shape in kernel_shapes(unit, channels).items():
            setattr(self, name, initial.kernel(shape))
        if is_normalised(unit):
            self.norm = BatchNorm(unit.filters)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        x = ops.join(inputs)
        kernels = {name: getattr(self, name)[...].astype(x.dtype) for name in kernel_shapes(self.unit, x.shape[-1])}
        x = transform(self.unit, kernels, x, self.first)
        return self.norm(x, self.last, train=train) if is_normalised(self.unit) else x


class BatchNorm(nnx.Module):
    """Batch norm with a scale and an offset per channel, and running moments for evaluation."""

    def __init__(self, channels: int) -> None:
        self.scale = nnx.Param(jnp.ones(channels))
        self.offset = nnx.Param(jnp.zeros(channels))
        self.mean = nnx.BatchStat(jnp.zeros(channels))
        self.variance = nnx.BatchStat(jnp.ones(channels))

    def __call__(self, x: Array, activation: ActivationFunction | None, *, train: bool) -> Array:
        """Followed by the activation, unless it is None."""
        if not train:
            return normalise_then(activation, x, self.scale[...], self.offset[...], self.mean[...], self.variance[...])
        y, mean, variance = batch_norm_then(activation, x, self.scale[...], self.offset[...])
        self.mean[...] = ops.moving_average(self.mean[...], mean)
        self.variance[...] = ops.moving_average(self.variance[...], variance)
        return y


class MaxPoolModule(nnx.Module):
    """Maximum over windows; no parameters."""

    def __init__(self, pool: MaxPool, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.pool = pool

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.max_pool(ops.join(inputs), self.pool.window, self.pool.stride)


class AveragePoolModule(nnx.Module):
    """Mean over windows; no parameters."""

    def __init__(self, pool: AveragePool, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.pool = pool

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.average_pool(ops.join(inputs), self.pool.window, self.pool.stride, padding=self.pool.padding)


class NormalisationModule(nnx.Module):
    """Batch norm, and the child's activation function if it is asked for."""

    def __init__(self, operation: Normalisation, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.activation = activation if operation.order == "bn-act" else None
        self.norm = BatchNorm(channels)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return self.norm(ops.join(inputs), self.activation, train=train)


class SubsamplingModule(nnx.Module):
    """Every second pixel or so, and channels of zeros; no parameters."""

    def __init__(self, operation: Subsampling, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.stride, self.zero_channels = operation.stride, operation.filters - channels

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.subsample(ops.join(inputs), self.stride, self.zero_channels)


class ActivationModule(nnx.Module):
    """The child's activation function."""

    def __init__(
        self, operation: ActivationOperation, channels: int, initial: Initializer, activation: ActivationFunction
    ) -> None:
        self.activation = activation

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return activated(self.activation, ops.join(inputs))


class IdentityModule(nnx.Module):
    """The join of the inputs."""

    def __init__(self, operation: Identity, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        pass

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.join(inputs)


class Classifier(nnx.Module):
    """Global average pooling of the joined outputs, then one linear layer; returns logits (batch, classes)."""

    def __init__(self, features: int, classes: int, initial: Initializer) -> None:
        self.weights = initial.weights(features, classes)
        self.bias = nnx.Param(jnp.zeros(classes))

    def __call__(self, outputs: Sequence[Array], mask: Callable[[Array], Array] | None = None) -> Array:
        """`mask`, if given, is applied to the pooled features. float32 whatever the outputs are."""
        features = ops.join(outputs).astype(jnp.float32).mean((0, 1))
        return (features if mask is None else mask(features)) @ self.weights[...] + self.bias[...][None]


MODULES = {
    ConvolutionUnit: UnitModule,
    SeparableUnit: UnitModule,
    FactorizedReduction: UnitModule,
    MaxPool: MaxPoolModule,
    AveragePool: AveragePoolModule,
    Normalisation: NormalisationModule,
    Subsampling: SubsamplingModule,
    ActivationOperation: ActivationModule,
    Identity: IdentityModule,
}
"""Which module computes an operation. Each is made from the operation, the channels of its joined inputs, how to draw, and the
activation function of the child."""

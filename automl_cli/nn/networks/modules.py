"""One Flax module per operation of a network.

A module draws its own parameters with NumPy when it is made, so that making a network compiles nothing. It is called with the
tensors of its block's inputs, (height, width, batch, channels) each, not yet joined, and with `train`. In training, batch norm
uses the moments of the batch and records them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import Array

from automl_cli.nn import ops
from automl_cli.nn.networks.initialization import Initializer, constant
from automl_cli.nn.ops.activations import (
    ActivationFunction,
    ParametricActivation,
    activated,
    beta_shapes,
    code_of,
    first_betas,
    takes_code,
)
from automl_cli.nn.ops.units import (
    Unit,
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
    """A unit (`ops.units`): a linear map, optionally after an activation, then batch norm, optionally with an activation
    behind it."""

    def __init__(self, unit: Unit, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.unit = unit
        self.first, self.last = activations(unit, activation)
        for name, shape in kernel_shapes(unit, channels).items():
            setattr(self, name, initial.kernel(shape))
        _add_betas(self, self.first, channels)
        if is_normalised(unit):
            self.norm = BatchNorm(unit.filters, self.last)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        x = ops.join(inputs)
        names = {**kernel_shapes(self.unit, x.shape[-1]), **beta_shapes(self.first, x.shape[-1])}
        kernels = {name: getattr(self, name)[...].astype(x.dtype) for name in names}
        x = transform(self.unit, kernels, x, self.first, _code(self, self.first))
        return self.norm(x, train=train) if is_normalised(self.unit) else x


def _add_betas(module: Any, activation: ActivationFunction | None, channels: int) -> None:
    """Give a module the trained parameters of its activation, (betas, channels), and its code, where there are any."""
    if isinstance(activation, ParametricActivation) and activation.betas:
        module.betas = nnx.Param(first_betas(activation, channels))
    if (code := code_of(activation)) is not None:
        module.code = nnx.BatchStat(jnp.asarray(code))


def _code(module: Any, activation: ActivationFunction | None) -> Array | None:
    """Return the code of the activation of a module, which is an array of the module so that programs do not depend on it."""
    return module.code[...] if takes_code(activation) else None


class BatchNorm(nnx.Module):
    """Batch norm with scale and offset per channel, and running moments for evaluation, and an activation unless it is None."""

    def __init__(self, channels: int, activation: ActivationFunction | None = None) -> None:
        self.activation = activation
        _add_betas(self, activation, channels)
        self.scale = nnx.Param(constant(1, channels))
        self.offset = nnx.Param(constant(0, channels))
        self.mean = nnx.BatchStat(constant(0, channels))
        self.variance = nnx.BatchStat(constant(1, channels))

    def __call__(self, x: Array, *, train: bool) -> Array:
        """Normalise x (height, width, batch, channels), then apply the activation."""
        names = ("scale", "offset", *beta_shapes(self.activation, x.shape[-1]))
        parameters = {name: getattr(self, name)[...] for name in names}
        if not train:
            moments = (self.mean[...], self.variance[...])
            return normalise_then(self.activation, x, parameters, moments, _code(self, self.activation))
        y, mean, variance = batch_norm_then(self.activation, x, parameters, _code(self, self.activation))
        self.mean[...] = ops.moving_average(self.mean[...], mean)
        self.variance[...] = ops.moving_average(self.variance[...], variance)
        return y


class MaxPoolModule(nnx.Module):
    """Maximum over windows, without parameters."""

    def __init__(self, pool: MaxPool, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.pool = pool

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.max_pool(ops.join(inputs), self.pool.window, self.pool.stride)


class AveragePoolModule(nnx.Module):
    """Mean over windows, without parameters."""

    def __init__(self, pool: AveragePool, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.pool = pool

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.average_pool(ops.join(inputs), self.pool.window, self.pool.stride, padding=self.pool.padding)


class NormalisationModule(nnx.Module):
    """Batch norm, and the child's activation function if it is asked for."""

    def __init__(self, operation: Normalisation, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.norm = BatchNorm(channels, activation if operation.order == "bn-act" else None)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return self.norm(ops.join(inputs), train=train)


class SubsamplingModule(nnx.Module):
    """Every second pixel or so, and channels of zeros; no parameters."""

    def __init__(self, operation: Subsampling, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        self.stride, self.zero_channels = operation.stride, operation.filters - channels

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.subsample(ops.join(inputs), self.stride, self.zero_channels)


class ActivationModule(nnx.Module):
    """The activation function of the child."""

    def __init__(
        self, operation: ActivationOperation, channels: int, initial: Initializer, activation: ActivationFunction
    ) -> None:
        self.activation = activation
        _add_betas(self, activation, channels)

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        x = ops.join(inputs)
        names = beta_shapes(self.activation, x.shape[-1])
        parameters = {name: getattr(self, name)[...] for name in names}
        return activated(self.activation, x, parameters, _code(self, self.activation))


class IdentityModule(nnx.Module):
    """The join of the inputs, unchanged."""

    def __init__(self, operation: Identity, channels: int, initial: Initializer, activation: ActivationFunction) -> None:
        pass

    def __call__(self, inputs: Sequence[Array], *, train: bool) -> Array:
        return ops.join(inputs)


class Classifier(nnx.Module):
    """Global average pooling of the joined outputs, then one linear layer; returns logits (batch, classes)."""

    def __init__(self, features: int, classes: int, initial: Initializer) -> None:
        self.weights = initial.weights(features, classes)
        self.bias = nnx.Param(constant(0, classes))

    def __call__(self, outputs: Sequence[Array], mask: Callable[[Array], Array] | None = None) -> Array:
        """Return float32 logits (batch, classes), whatever the dtype of the outputs; `mask` is applied to the pooled
        features."""
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
"""Module class of each operation, made from the operation, the channels of its joined inputs, an initializer and the
activation function of the child."""

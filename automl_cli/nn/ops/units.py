"""The units of `values.operations`: linear maps and batch norm, with an activation before the map, behind the norm, or neither.

Each linear map takes x (height, width, batch, channels), its unit and its kernels by name (`kernel_shapes`). The third axis of
every kernel is the input channels, so the map of a concatenation is the sum of the maps of its parts, each with its slice of
all kernels.

The activation is ReLU unless a child has another one. ReLU is part of the neighbouring operations, which then save less and
pass over memory less often; any other function is a separate operation.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

from automl_cli.nn.ops.activations import ActivationFunction, activated
from automl_cli.nn.ops.convolution import convolution
from automl_cli.nn.ops.depthwise import depthwise
from automl_cli.nn.ops.normalisation import Known, batch_norm, normalise
from automl_cli.nn.ops.relu_recomputed import of_positive_part, relu
from automl_cli.values.operations import ConvolutionUnit, FactorizedReduction, SeparableUnit

Unit = ConvolutionUnit | SeparableUnit | FactorizedReduction


def kernel_shapes(unit: Unit, channels: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a unit's kernels by name, for this number of input channels."""
    match unit:
        case ConvolutionUnit():
            return {"kernel": (*unit.kernel, channels, unit.filters)}
        case SeparableUnit():
            return {"depthwise": (unit.kernel, unit.kernel, channels), "pointwise": (1, 1, channels, unit.filters)}
        case FactorizedReduction():
            paths = {"even": unit.filters // 2, "odd": unit.filters - unit.filters // 2}
            return {name: (1, 1, channels, filters) for name, filters in paths.items() if filters}


def activations(unit: Unit, activation: ActivationFunction) -> tuple[ActivationFunction | None, ActivationFunction | None]:
    """Return the activation before a unit's linear map, and the one behind its batch norm; None where there is none."""
    order = "act-conv-bn" if isinstance(unit, SeparableUnit) else unit.order
    return (activation if order == "act-conv-bn" else None), (activation if order == "conv-bn-act" else None)


def is_normalised(unit: Unit) -> bool:
    """Return whether batch norm follows the linear map of a unit."""
    return isinstance(unit, SeparableUnit) or unit.order != "conv"


def transform(
    unit: Unit, kernels: Mapping[str, Array], x: Array, activation: ActivationFunction | None, code: Array | None = None
) -> Array:
    """Apply a unit up to its batch norm to x (height, width, batch, channels), with the activation before it unless that is
    None. `kernels` hold the activation's parameters as well, `code` its code (`ops.activations`)."""
    rectify = activation is relu
    if not rectify:
        x = activated(activation, x, kernels, code)
    match unit:
        case ConvolutionUnit(stride=stride, dilation=dilation, padding=rule):
            return convolution(x, kernels["kernel"], stride=stride, dilation=dilation, rule=rule, relu=rectify)
        case SeparableUnit():
            x = depthwise(x, kernels["depthwise"], stride=unit.stride, dilation=unit.dilation, relu=rectify)
            return convolution(x, kernels["pointwise"])
        case FactorizedReduction():
            return of_positive_part(_two_paths, x, kernels) if rectify else _two_paths(x, kernels)


def _two_paths(x: Array, kernels: Mapping[str, Array]) -> Array:
    """Apply a factorized reduction: one path for the pixels at even positions, one for odd; with one filter only the odd
    path."""
    inputs = {"even": x, "odd": jnp.pad(x[1:, 1:], ((0, 1), (0, 1), (0, 0), (0, 0)))}
    paths = [convolution(inputs[name], kernels[name], stride=(2, 2)) for name in ("even", "odd") if name in kernels]
    return jnp.concatenate(paths, axis=-1)


def batch_norm_then(
    activation: ActivationFunction | None,
    x: Array,
    parameters: Mapping[str, Array],
    code: Array | None = None,
    known: Known | None = None,
) -> tuple[Array, Array, Array]:
    """Apply `ops.batch_norm` and the activation, if any, to x (height, width, batch, channels).

    `parameters` are `scale` and `offset`, (channels,) each, and those of the activation; `known` is as there. Returns the
    result, and mean and variance, (channels,) each.
    """
    rectify = activation is relu
    y, mean, variance = batch_norm(x, parameters["scale"], parameters["offset"], relu=rectify, known=known)
    return activated(None if rectify else activation, y, parameters, code), mean, variance


def normalise_then(
    activation: ActivationFunction | None,
    x: Array,
    parameters: Mapping[str, Array],
    moments: tuple[Array, Array],
    code: Array | None = None,
) -> Array:
    """Apply `ops.normalise` and the activation, if any, to x (height, width, batch, channels).

    `parameters` are as in `batch_norm_then`, `moments` mean and variance, (channels,) each.
    """
    rectify = activation is relu
    y = normalise(x, parameters["scale"], parameters["offset"], *moments, relu=rectify)
    return activated(None if rectify else activation, y, parameters, code)

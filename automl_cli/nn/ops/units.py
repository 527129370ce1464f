"""What the units of `values.operations` compute: linear maps, with or without an activation before them, and batch norm, with
or without one behind it.

Each linear map takes x (height, width, batch, channels), its unit and its kernels by name; `kernel_shapes` says which. The
third axis of every kernel counts the incoming channels, so the map of a concatenation is the sum of the maps of its parts, each
with its slice of all kernels.

The activation is ReLU unless a child says otherwise. ReLU is part of the operations beside it, which then keep less and pass
over memory less often; any other function stands by itself between them.
"""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
from jax import Array

from automl_cli.nn.ops.convolution import convolution
from automl_cli.nn.ops.depthwise import depthwise
from automl_cli.nn.ops.normalisation import batch_norm, normalise
from automl_cli.nn.ops.relu_recomputed import of_positive_part, relu
from automl_cli.values.operations import ConvolutionUnit, FactorizedReduction, SeparableUnit

Unit = ConvolutionUnit | SeparableUnit | FactorizedReduction

ActivationFunction = Callable[[Array], Array]
"""Number by number, an array of any shape to one of the same shape. Without parameters; hashable, and equal ones compute the
same, since it is part of the keys of programs."""


def kernel_shapes(unit: Unit, channels: int) -> dict[str, tuple[int, ...]]:
    """The kernels of a unit that reads so many channels, by name."""
    match unit:
        case ConvolutionUnit():
            return {"kernel": (*unit.kernel, channels, unit.filters)}
        case SeparableUnit():
            return {"depthwise": (unit.kernel, unit.kernel, channels), "pointwise": (1, 1, channels, unit.filters)}
        case FactorizedReduction():
            paths = {"even": unit.filters // 2, "odd": unit.filters - unit.filters // 2}
            return {name: (1, 1, channels, filters) for name, filters in paths.items() if filters}


def activations(unit: Unit, activation: ActivationFunction) -> tuple[ActivationFunction | None, ActivationFunction | None]:
    """What acts before the linear map of a unit, and what behind its batch norm, in a child with this activation function."""
    order = "act-conv-bn" if isinstance(unit, SeparableUnit) else unit.order
    return (activation if order == "act-conv-bn" else None), (activation if order == "conv-bn-act" else None)


def is_normalised(unit: Unit) -> bool:
    """Whether batch norm follows the linear map of a unit."""
    return isinstance(unit, SeparableUnit) or unit.order != "conv"


def transform(unit: Unit, kernels: Mapping[str, Array], x: Array, activation: ActivationFunction | None) -> Array:
    """The unit up to its batch norm, with the activation before it unless that is None."""
    rectify = activation is relu
    if not rectify:
        x = activated(activation, x)
    match unit:
        case ConvolutionUnit(stride=stride, dilation=dilation, padding=rule):
            return convolution(x, kernels["kernel"], stride=stride, dilation=dilation, rule=rule, relu=rectify)
        case SeparableUnit():
            x = depthwise(x, kernels["depthwise"], stride=unit.stride, dilation=unit.dilation, relu=rectify)
            return convolution(x, kernels["pointwise"])
        case FactorizedReduction():
            return of_positive_part(_two_paths, x, kernels) if rectify else _two_paths(x, kernels)


def activated(activation: ActivationFunction | None, x: Array) -> Array:
    """The function of x, in the type of x, which a function with constants of its own may widen; x itself without one."""
    return x if activation is None else activation(x).astype(x.dtype)


def _two_paths(x: Array, kernels: Mapping[str, Array]) -> Array:
    """A factorized reduction: the pixels at even places, and those at odd ones; with one filter only the latter."""
    read = {"even": x, "odd": jnp.pad(x[1:, 1:], ((0, 1), (0, 1), (0, 0), (0, 0)))}
    paths = [convolution(read[name], kernels[name], stride=(2, 2)) for name in ("even", "odd") if name in kernels]
    return jnp.concatenate(paths, axis=-1)


def batch_norm_then(activation: ActivationFunction | None, x: Array, scale: Array, offset: Array) -> tuple[Array, Array, Array]:
    """`ops.batch_norm` and the activation, if any, of what it gives; mean and variance of the batch."""
    rectify = activation is relu
    y, mean, variance = batch_norm(x, scale, offset, relu=rectify)
    return activated(None if rectify else activation, y), mean, variance


def normalise_then(
    activation: ActivationFunction | None, x: Array, scale: Array, offset: Array, mean: Array, variance: Array
) -> Array:
    """`ops.normalise` and the activation, if any, of what it gives."""
    rectify = activation is relu
    y = normalise(x, scale, offset, mean, variance, relu=rectify)
    return activated(None if rectify else activation, y)

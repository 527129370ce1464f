"""What the units of `core.operations` do in front of their batch norm: linear maps, with or without ReLU before them.

Each takes x (height, width, batch, channels), its unit and its kernels by name; `kernel_shapes` says which. The third axis of
every kernel counts the incoming channels, so the map of a concatenation is the sum of the maps of its parts, each with its
slice of all kernels.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array

from automl_cli.core.operations import ConvolutionUnit, FactorizedReduction, SeparableUnit
from automl_cli.nn.ops.convolution import convolution
from automl_cli.nn.ops.depthwise import depthwise
from automl_cli.nn.ops.rectified import of_positive_part

Unit = ConvolutionUnit | SeparableUnit | FactorizedReduction


def kernel_shapes(unit: Unit, channels: int) -> dict[str, tuple[int, ...]]:
    """The kernels of a unit that reads so many channels, by name."""
    match unit:
        case ConvolutionUnit():
            return {"kernel": (*unit.kernel, channels, unit.filters)}
        case SeparableUnit():
            return {"depthwise": (unit.kernel, unit.kernel, channels), "pointwise": (1, 1, channels, unit.filters)}
        case FactorizedReduction():
            odd = unit.filters - unit.filters // 2
            return {"even": (1, 1, channels, unit.filters - odd), "odd": (1, 1, channels, odd)}


def transform(unit: Unit, kernels: Mapping[str, Array], x: Array) -> Array:
    """The unit up to its batch norm."""
    match unit:
        case ConvolutionUnit():
            relu = unit.order == "act-conv-bn"
            return convolution(x, kernels["kernel"], stride=unit.stride, dilation=unit.dilation, rule=unit.padding, relu=relu)
        case SeparableUnit():
            x = depthwise(x, kernels["depthwise"], stride=unit.stride, dilation=unit.dilation, relu=True)
            return convolution(x, kernels["pointwise"])
        case FactorizedReduction():
            return of_positive_part(_two_paths, x, kernels) if unit.order == "act-conv-bn" else _two_paths(x, kernels)


def _two_paths(x: Array, kernels: Mapping[str, Array]) -> Array:
    """A factorized reduction: the pixels at even places, and those at odd ones."""
    shifted = jnp.pad(x[1:, 1:], ((0, 1), (0, 1), (0, 0), (0, 0)))
    halves = [convolution(part, kernels[name], stride=(2, 2)) for name, part in (("even", x), ("odd", shifted))]
    return jnp.concatenate(halves, axis=-1)


def normalised_with_relu(unit: Unit) -> bool:
    """Whether ReLU follows the batch norm."""
    return isinstance(unit, ConvolutionUnit) and unit.order == "conv-bn-act"

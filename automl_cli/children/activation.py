"""The activation functions named in `values.activation`."""

from collections.abc import Callable

import jax
from jax import Array

from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.values.activation import ActivationFunction

Function = Callable[[Array], Array]


def by_name(value: ActivationFunction) -> Function:
    """Return the elementwise function of this name, for arrays of any shape. ReLU is the one that networks have built in."""
    return _FUNCTIONS[value.name]


def _gelu(x: Array) -> Array:
    return jax.nn.gelu(x, approximate=False)


_FUNCTIONS: dict[str, Function] = {"relu": relu, "swish": jax.nn.silu, "gelu": _gelu}

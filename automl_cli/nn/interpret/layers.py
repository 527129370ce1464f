"""Activation functions as layers of one's own networks."""

from collections.abc import Callable
from typing import Any

from flax import nnx
from jax import Array

from automl_cli.nn.interpret.activations import traced
from automl_cli.nn.ops.activations import ParametricActivation, first_betas
from automl_cli.values.activation import ActivationFunction


class ActivationLayer(nnx.Module):
    """An activation function with its trained parameters, `betas` (betas, channels), an `nnx.Param` where it has any."""

    def __init__(self, function: ActivationFunction, channels: int) -> None:
        self.activation = traced(function)
        if function.betas and isinstance(self.activation, ParametricActivation):
            self.betas = nnx.Param(first_betas(self.activation, channels))

    def __call__(self, x: Array) -> Array:
        """Return the function of x (…, channels), in its shape and dtype."""
        if not isinstance(self.activation, ParametricActivation):
            return self.activation(x)
        betas = self.betas[...].astype(x.dtype) if self.activation.betas else ()
        return self.activation.function(x, betas).astype(x.dtype)


def function_of(function: ActivationFunction) -> Callable[..., Array]:
    """Return f(x, *betas) -> an array of the shape and dtype of x (…, channels).

    A beta is a number, or an array (channels,). Those that are left out are what the trained parameters start from; more of
    them than the function has raise TypeError.
    """
    applied = traced(function)

    def activation(x: Array, *betas: Any) -> Array:
        if len(betas) > len(function.betas):
            raise TypeError(f"{function.expression} has {len(function.betas)} betas, not {len(betas)}")
        if not isinstance(applied, ParametricActivation):
            return applied(x)
        return applied.function(x, (*betas, *function.starts[len(betas) :])).astype(x.dtype)

    return activation

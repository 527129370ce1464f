"""Activation functions as layers of one's own networks."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jax import Array

from automl_cli.nn.interpret.activations import traced
from automl_cli.nn.ops.activations import ParametricActivation, activated, first_betas
from automl_cli.values.activation import ActivationFunction


class ActivationLayer(nnx.Module):
    """An activation function with its trained parameters, `betas` (betas, channels), an `nnx.Param` where it has any."""

    def __init__(self, function: ActivationFunction, channels: int) -> None:
        self.activation = traced(function)
        self.trained = bool(function.betas)
        if isinstance(self.activation, ParametricActivation) and self.trained:
            self.betas = nnx.Param(first_betas(self.activation, channels))

    def __call__(self, x: Array) -> Array:
        """Return the function of x (…, channels), in its shape and dtype."""
        return activated(self.activation, x, {"betas": self.betas[...]} if self.trained else None)


def function_of(function: ActivationFunction) -> Callable[..., Array]:
    """Return f(x, *betas) -> an array of the shape and dtype of x (…, channels), or of a single number x.

    A beta is a number, or an array (channels,). Those that are left out are what the trained parameters start from; more of
    them than the function has raise TypeError.
    """
    applied = traced(function)

    def activation(x: Array, *betas: Any) -> Array:
        if len(betas) > len(function.betas):
            raise TypeError(f"{function.expression} has {len(function.betas)} betas, not {len(betas)}")
        x = jnp.asarray(x)
        channels = x.shape[-1:]
        taken = [jnp.broadcast_to(jnp.asarray(beta, x.dtype), channels) for beta in (*betas, *function.starts[len(betas) :])]
        return activated(applied, x, {"betas": jnp.stack(taken)} if taken else None)

    return activation

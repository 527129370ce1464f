"""Activation functions as networks take them: functions of arrays, without parameters or with parameters that are trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
from jax import Array


@dataclass(frozen=True)
class ParametricActivation:
    """A function with trained parameters, one number of each per channel; or one that is data to the programs which take it.

    `function` takes x (…, channels) and the parameters (betas, channels), and where there is a code that as well, int32 of a
    fixed length; it returns the shape of x. Equal `identity` and `betas` mean the same function, since they are part of the
    keys of programs; what the parameters start from, and the code, are not.
    """

    identity: str
    betas: int
    function: Callable[..., Array] = field(compare=False)
    starts: tuple[float, ...] = field(compare=False)
    code: np.ndarray | None = field(default=None, compare=False)


ActivationFunction = Callable[[Array], Array] | ParametricActivation
"""A function from an array of any shape to one of the same shape, element by element. It is hashable, and equal ones compute
the same, since it is part of the keys of programs."""


def beta_shapes(activation: ActivationFunction | None, channels: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of the trained parameters of an activation that acts on so many channels, (betas, channels), by name."""
    if isinstance(activation, ParametricActivation) and activation.betas:
        return {"betas": (activation.betas, channels)}
    return {}


def first_betas(activation: ParametricActivation, channels: int) -> Array:
    """Return what the trained parameters start from, (betas, channels)."""
    return jnp.broadcast_to(jnp.array(activation.starts, jnp.float32)[:, None], (activation.betas, channels))


def takes_code(activation: ActivationFunction | None) -> bool:
    """Return whether the function is data to the programs which take it."""
    return code_of(activation) is not None


def code_of(activation: ActivationFunction | None) -> np.ndarray | None:
    """Return the code of a function, int32 of a fixed length; None for one that is traced."""
    return activation.code if isinstance(activation, ParametricActivation) else None


def activated(
    activation: ActivationFunction | None, x: Array, parameters: Mapping[str, Array] | None = None, code: Array | None = None
) -> Array:
    """Apply the activation to x (…, channels), in the dtype of x; return x itself if the activation is None.

    `parameters` hold `betas` (betas, channels) where the function has any. A function with constants of its own may widen the
    dtype, so its result is cast back.
    """
    if activation is None:
        return x
    if not isinstance(activation, ParametricActivation):
        return activation(x).astype(x.dtype)
    betas = (parameters or {}).get("betas", jnp.zeros((0, *x.shape[-1:]), x.dtype)).astype(x.dtype)
    own = code if code is not None else activation.code
    arguments = (x, betas) if own is None else (x, betas, jnp.asarray(own))
    return activation.function(*arguments).astype(x.dtype)

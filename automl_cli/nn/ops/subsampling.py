"""The weightless shortcut between residual blocks of different shape (ResNet, arXiv 1512.03385, section 3.3, option A)."""

import jax.numpy as jnp
from jax import Array


def subsample(x: Array, stride: int, zero_channels: int) -> Array:
    """Every `stride`-th pixel of (height, width, batch, channels) in both directions, and so many channels of zeros behind."""
    return jnp.pad(x[::stride, ::stride], ((0, 0), (0, 0), (0, 0), (0, zero_channels)))

"""Concatenation of tensors of several sizes (NAS, arXiv 1611.01578, section 3.3)."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array


def join(tensors: Sequence[Array]) -> Array:
    """Zero-pad tensors (height, width, batch, channels) to the largest height and width, and concatenate their channels.

    Padding is even; an odd pixel goes to the bottom and right.
    """
    if len(tensors) == 1:
        return tensors[0]
    height = max(tensor.shape[0] for tensor in tensors)
    width = max(tensor.shape[1] for tensor in tensors)
    return jnp.concatenate([pad_to(tensor, height, width) for tensor in tensors], axis=-1)


def pad_to(tensor: Array, height: int, width: int) -> Array:
    """Zero-pad a tensor (height, width, batch, channels) evenly to this height and width; an odd pixel goes to the bottom
    and right."""
    rows, columns = height - tensor.shape[0], width - tensor.shape[1]
    if rows == columns == 0:
        return tensor
    return jnp.pad(tensor, ((rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2), (0, 0), (0, 0)))

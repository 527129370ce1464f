"""Images as the arrays that a CPU works on fast: one plane a channel, one number a pixel, tables of 256 entries.

XLA's loops over bytes are vector instructions only if their innermost axis is long, which the channels of an image are not; and
its look-ups and counts only if their indices need no arithmetic of their own.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.ops.no_inline import outlined

_ONE_AXIS = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))
_ONE_BIN = lax.ScatterDimensionNumbers(update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,))


def colour_channels(channels: int) -> int:
    """Return how many channels are colours: 1 of grey images with or without alpha, else 3."""
    return 1 if channels < 3 else 3


def on_colours(images: Array, change: Callable[[Array], Array]) -> Array:
    """Return images (batch, height, width, channels) with their colours changed by a function of (batch, values) uint8."""
    changed = change(images.reshape(len(images), -1)).reshape(images.shape)
    channels = images.shape[-1]
    if colour_channels(channels) == channels:
        return changed
    return jnp.where((jnp.arange(channels) < colour_channels(channels))[None, None, None], changed, images)


def planes_of(images: Array) -> list[Array]:
    """Return each channel of images (…, channels) as an array of its own."""
    channels = images.shape[-1]
    if not 2 <= channels <= 4:
        return [images[..., channel] for channel in range(channels)]
    pixels = packed(images)
    return [(pixels >> 8 * channel).astype(jnp.uint8) for channel in range(channels)]


split = outlined(planes_of)
"""`planes_of`, as arrays that are laid out before they are used."""


def from_planes(planes: Sequence[Array]) -> Array:
    """Return images (…, channels) uint8 from one array (…) for each channel."""
    if not 2 <= len(planes) <= 4:
        return jnp.stack([plane.astype(jnp.uint8) for plane in planes], axis=-1)
    return unpacked(_joined([plane.astype(jnp.uint32) << 8 * at for at, plane in enumerate(planes)]), len(planes))


def packed(images: Array) -> Array:
    """Return the bytes of each pixel of images (…, channels), at most 4, as one number: (…) uint32, or uint8 of one channel."""
    *others, channels = images.shape
    if channels == 1:
        return images[..., 0]
    rest = jnp.zeros((*others, 4 - channels), jnp.uint8)
    return lax.bitcast_convert_type(jnp.concatenate([images, rest], axis=-1), jnp.uint32)


def unpacked(pixels: Array, channels: int) -> Array:
    """Return images (…, channels) uint8 from one number a pixel, the inverse of `packed`."""
    return pixels[..., None] if channels == 1 else lax.bitcast_convert_type(pixels, jnp.uint8)[..., :channels]


def at_places(values: Array, places: Array) -> Array:
    """Return values (size,) at places of any shape, which must be inside: the shape of `places`."""
    found = lax.gather(values, places.reshape(-1, 1), _ONE_AXIS, (1,), mode="promise_in_bounds")
    return found.reshape(places.shape)


def counted(plane: Array) -> Array:
    """Return how often each value occurs in a plane (size,) uint8: (bins,) int32, 256 of them."""
    ones = jnp.ones(plane.shape, jnp.int32)
    return lax.scatter_add(jnp.zeros(256, jnp.int32), plane[:, None], ones, _ONE_BIN, mode="promise_in_bounds")


def looked_up(tables: Sequence[Array], planes: Sequence[Array]) -> Array:
    """Return images (size, channels) uint8 of which each channel is its plane (size,) uint8 sent through its table of 256."""
    if not 2 <= len(planes) <= 4:
        return jnp.stack([at_places(table.astype(jnp.uint8), plane) for table, plane in zip(tables, planes, strict=True)], -1)
    parts = [table.astype(jnp.uint32) << 8 * at for at, table in enumerate(tables)]
    return unpacked(_joined([at_places(part, plane) for part, plane in zip(parts, planes, strict=True)]), len(planes))


def _joined(parts: Sequence[Array]) -> Array:
    """Return the parts joined by or."""
    first, *others = parts
    for part in others:
        first = first | part
    return first

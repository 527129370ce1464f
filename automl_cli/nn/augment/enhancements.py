"""Contrast, colour, brightness and sharpness, and the blend of two images, with Pillow's arithmetic.

All are Pillow's blend of a degenerate image a with the image b: a + alpha (b - a) in float32, cut to 0..255, then truncated.
A compiler for a CPU makes one instruction of the product and the sum, which rounds once instead of twice and changes pixels: in
mapping `paper` 1,630 of all 655,360 (a, b, level). No barrier of JAX prevents it. So the bits of the product are combined by
exclusive or with a number that is 0, but is an input of the program.

An image of two or four channels ends with alpha, which stays as it is. Of five or more, the first three are the colours and the
others stay. Each function takes images (batch, height, width, channels) uint8 and the numbers of `parameters`, (batch, slots).
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.augment.parameters import ZERO
from automl_cli.nn.augment.pixels import colour_channels, from_planes, on_colours, split
from automl_cli.nn.ops.no_inline import outlined


def blend(degenerate: Array, images: Array, parameters: Array) -> Array:
    """Blend two arrays (batch, …) uint8 as `PIL.Image.blend` does, by the weight in the first slot of each image."""
    each = (slice(None), *(None,) * (images.ndim - 1))
    alpha = lax.bitcast_convert_type(parameters[:, 0], jnp.float32)[each]
    start = degenerate.astype(jnp.int32)
    product = alpha * (images.astype(jnp.int32) - start).astype(jnp.float32)
    rounded = lax.bitcast_convert_type(product, jnp.int32) ^ parameters[:, ZERO][each]
    return _cut(start.astype(jnp.float32) + lax.bitcast_convert_type(rounded, jnp.float32))


def brightness(images: Array, parameters: Array) -> Array:
    """Blend images (batch, height, width, channels) with black."""
    alpha = lax.bitcast_convert_type(parameters[:, 0], jnp.float32)[:, None]
    return on_colours(images, lambda flat: _scaled(flat, alpha))


def contrast(images: Array, parameters: Array) -> Array:
    """Blend images (batch, height, width, channels) with the mean of their grey, one number for an image."""
    pixels = images.shape[1] * images.shape[2]
    total = _grey(split(images.reshape(len(images), pixels, -1))).sum(1, dtype=jnp.uint32)
    quotient, rest = total // pixels, total % pixels
    mean = (quotient + (2 * rest >= pixels)).astype(jnp.uint8)[:, None]
    return on_colours(images, lambda flat: _blended(mean, flat, parameters))


def color(images: Array, parameters: Array) -> Array:
    """Blend images (batch, height, width, channels) with their grey; a grey image stays as it is."""
    if images.shape[-1] < 3:
        return images
    planes = split(images.reshape(len(images), -1, images.shape[-1]))
    grey = _grey(planes).astype(jnp.uint8)
    changed = [blend(grey, plane, parameters) for plane in planes[:3]]
    return from_planes([*changed, *planes[3:]]).reshape(images.shape)


def sharpness(images: Array, parameters: Array) -> Array:
    """Blend images (batch, height, width, channels) with their smoothed selves; the pixels of the border stay."""
    batch, height, width, channels = images.shape
    if min(height, width) < 3:
        return images
    rows = images.reshape(batch, height, -1)
    inside = _sharpened(rows, _columns_added(rows), parameters, channels)
    sharp = lax.dynamic_update_slice(rows, inside, (0, 1, channels)).reshape(images.shape)
    colours = colour_channels(channels)
    return sharp if colours == channels else jnp.concatenate([sharp[..., :colours], images[..., colours:]], axis=-1)


def _grey(planes: Sequence[Array]) -> Array:
    """Return Pillow's grey of planes (batch, pixels) uint8: the same shape, int32."""
    if len(planes) < 3:
        return planes[0].astype(jnp.int32)
    red, green, blue = (plane.astype(jnp.int32) for plane in planes[:3])
    return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16


def _three_rows(rows: Array) -> Array:
    """Return the sums of each three rows of images (batch, height, values) uint8: (batch, height - 2, values) uint16."""
    wide = rows.astype(jnp.uint16)
    return wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]


def _blended_with_smooth(rows: Array, added: Array, parameters: Array, channels: int) -> Array:
    """Return the pixels inside the border of images (batch, height, values), sharpened: two rows and two pixels fewer.

    A smoothed pixel is the weighted mean of its neighbours, 5 parts of 13 its own. Pillow's sum of floats, rounded, is the
    rounded quotient, since a multiple of 1/13 is never near a half; it is found by a product that is exact for these sums.
    """
    own = rows[:, 1:-1, channels:-channels]
    total = added[:, :, : -2 * channels] + added[:, :, channels:-channels] + added[:, :, 2 * channels :]
    total = (total + 4 * own.astype(jnp.uint16)).astype(jnp.uint32)
    smooth = ((2 * total + 13) * 40330) >> 20
    return blend(smooth.astype(jnp.uint8), own, parameters)


def _cut(numbers: Array) -> Array:
    """Return numbers of any shape, float32 and finite, cut to 0..255 and truncated: uint8.

    Each of the two choices is one instruction of a CPU; `jnp.clip`, which minds numbers that are not finite, takes four times
    as long.
    """
    numbers = jnp.where(numbers > 0, numbers, 0)
    return jnp.where(numbers < 255, numbers, 255).astype(jnp.int32).astype(jnp.uint8)


_scaled = outlined(lambda values, factor: _cut(factor * values.astype(jnp.float32)))
_blended = outlined(blend)
_columns_added = outlined(_three_rows)
_sharpened = outlined(_blended_with_smooth, static=(3,))

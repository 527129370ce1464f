"""Shears, translations and rotations of images with Pillow's arithmetic: nearest pixel, positions in 16.16 fixed point.

The centre of each pixel is mapped into the old image; a pixel from outside gets the fill. Each function takes images (batch,
height, width, channels) uint8 and the numbers of `parameters`, (batch, slots) int32.
"""

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.augment.parameters import FILL


def fill_colours(parameters: Array, channels: int) -> Array:
    """Return the colour of pixels from outside: (batch, channels) uint8."""
    colours = lax.bitcast_convert_type(parameters[:, FILL], jnp.uint8)
    return jnp.stack([colours[:, min(channel, 3)] for channel in range(channels)], axis=1)


def shear_x(images: Array, parameters: Array) -> Array:
    """Move each row of images (batch, height, width, channels) by its own number of pixels."""
    start, step = parameters[:, 0, None], parameters[:, 1, None]
    shifts = (start + step * jnp.arange(images.shape[1])) >> 16
    x = jnp.arange(images.shape[2])[None, None] + shifts[:, :, None]
    return _moved(images, jnp.arange(images.shape[1])[None, :, None], x, parameters)


def shear_y(images: Array, parameters: Array) -> Array:
    """Move each column of images (batch, height, width, channels) by its own number of pixels."""
    start, step = parameters[:, 0, None], parameters[:, 1, None]
    shifts = (start + step * jnp.arange(images.shape[2])) >> 16
    y = jnp.arange(images.shape[1])[None, :, None] + shifts[:, None]
    return _moved(images, y, jnp.arange(images.shape[2])[None, None], parameters)


def translate_x(images: Array, parameters: Array) -> Array:
    """Move images (batch, height, width, channels) along their rows."""
    x = _positions(parameters, images.shape[2])[:, None]
    return _moved(images, jnp.arange(images.shape[1])[None, :, None], x, parameters)


def translate_y(images: Array, parameters: Array) -> Array:
    """Move images (batch, height, width, channels) along their columns."""
    y = _positions(parameters, images.shape[1])[:, :, None]
    return _moved(images, y, jnp.arange(images.shape[2])[None, None], parameters)


def rotate(images: Array, parameters: Array) -> Array:
    """Turn images (batch, height, width, channels) about their centre."""
    a, b, c, d, e, f = (parameters[:, at, None, None] for at in range(6))
    y, x = jnp.arange(images.shape[1])[None, :, None], jnp.arange(images.shape[2])[None, None]
    return _moved(images, (f + y * e + x * d) >> 16, (c + y * b + x * a) >> 16, parameters)


def _positions(parameters: Array, side: int) -> Array:
    """Return where the pixels of an axis come from under a translation: (batch, side)."""
    at = jnp.arange(side)[None]
    return at + parameters[:, 0, None] + (at >= parameters[:, 1, None])


def _moved(images: Array, y: Array, x: Array, parameters: Array) -> Array:
    """Return the pixels at rows `y` and columns `x`, the fill where these are outside."""
    batch, height, width, channels = images.shape
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    at = (jnp.clip(y, 0, height - 1) * width + jnp.clip(x, 0, width - 1)).reshape(batch, -1)
    found = jnp.take_along_axis(images.reshape(batch, -1, channels), at[:, :, None], axis=1).reshape(images.shape)
    return jnp.where(inside[..., None], found, fill_colours(parameters, channels)[:, None, None])

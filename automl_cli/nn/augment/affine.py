"""Shears, translations and rotations of images with Pillow's arithmetic: nearest pixel, positions in 16.16 fixed point.

The centre of each pixel is mapped into the old image; a pixel from outside gets the fill. Each function takes images (batch,
height, width, channels) uint8 and the numbers of `parameters`, (batch, slots) int32.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.augment.parameters import FILL
from automl_cli.nn.augment.pixels import at_places, packed, unpacked
from automl_cli.nn.ops.no_inline import outlined


def fill_colours(parameters: Array, channels: int) -> Array:
    """Return the colour of pixels from outside: (batch, channels) uint8."""
    colours = lax.bitcast_convert_type(parameters[:, FILL], jnp.uint8)
    return jnp.stack([colours[:, min(channel, 3)] for channel in range(channels)], axis=1)


def shear_x(images: Array, parameters: Array) -> Array:
    """Move each row of images (batch, height, width, channels) by its own number of pixels."""
    return _moved(images, parameters, _sheared_rows)


def shear_y(images: Array, parameters: Array) -> Array:
    """Move each column of images (batch, height, width, channels) by its own number of pixels."""
    return _moved(images, parameters, _sheared_columns)


def translate_x(images: Array, parameters: Array) -> Array:
    """Move images (batch, height, width, channels) along their rows."""
    return _moved(images, parameters, lambda numbers, y, x: (y, _shifted(numbers, x)))


def translate_y(images: Array, parameters: Array) -> Array:
    """Move images (batch, height, width, channels) along their columns."""
    return _moved(images, parameters, lambda numbers, y, x: (_shifted(numbers, y), x))


def rotate(images: Array, parameters: Array) -> Array:
    """Turn images (batch, height, width, channels) about their centre."""
    return _moved(images, parameters, _turned)


def _sheared_rows(numbers: list[Array], y: Array, x: Array) -> tuple[Array, Array]:
    return y, x + ((numbers[0] + numbers[1] * y) >> 16)


def _sheared_columns(numbers: list[Array], y: Array, x: Array) -> tuple[Array, Array]:
    return y + ((numbers[0] + numbers[1] * x) >> 16), x


def _turned(numbers: list[Array], y: Array, x: Array) -> tuple[Array, Array]:
    a, b, c, d, e, f = numbers[:6]
    return (f + y * e + x * d) >> 16, (c + y * b + x * a) >> 16


def _shifted(numbers: list[Array], at: Array) -> Array:
    return at + numbers[0] + (at >= numbers[1])


def _moved(images: Array, parameters: Array, source: Callable[[list[Array], Array, Array], tuple[Array, Array]]) -> Array:
    """Return for each pixel (y, x) the pixel at the `source` that the numbers of its image give, the fill where it is outside."""
    batch, height, width, channels = images.shape

    def places(parameters: Array) -> Array:
        numbers = [parameters[:, at, None, None] for at in range(FILL)]
        y, x = source(numbers, jnp.arange(height)[None, :, None], jnp.arange(width)[None, None])
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        return jnp.where(inside, (jnp.arange(batch)[:, None, None] * height + y) * width + x, -1).reshape(batch, -1)

    at, fill = outlined(places)(parameters), fill_colours(parameters, channels)
    if channels > 4:
        found = images.reshape(-1, channels)[jnp.maximum(at, 0)]
        return jnp.where((at >= 0)[..., None], found, fill[:, None]).reshape(images.shape)
    found = at_places(_packed(images).reshape(-1), at)
    return unpacked(jnp.where(at >= 0, found, packed(fill)[:, None]), channels).reshape(images.shape)


_packed = outlined(packed)

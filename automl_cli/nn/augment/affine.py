"""Shears, translations and rotations of images with Pillow's arithmetic: nearest pixel, positions in 16.16 fixed point.

The centre of each pixel is mapped into the old image; a pixel from outside gets the fill. Each function takes images (batch,
height, width, channels) uint8 and the numbers of `parameters`, (batch, slots) int32.
"""

from collections.abc import Callable

import jax
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
    batch, height, width, channels = images.shape
    shifts = (parameters[:, 0, None] + parameters[:, 1, None] * jnp.arange(height)[None]) >> 16
    starts = channels * (width + jnp.clip(shifts, -width, width))
    wide = _between_fill(images, parameters, 2).reshape(batch * height, -1)
    return _windows(wide, starts.reshape(-1), width * channels).reshape(images.shape)


def shear_y(images: Array, parameters: Array) -> Array:
    """Move each column of images (batch, height, width, channels) by its own number of pixels."""
    return _gathered(images, parameters, _sheared_columns)


def translate_x(images: Array, parameters: Array) -> Array:
    """Move images (batch, height, width, channels) along their rows."""
    return _translated(images, parameters, axis=2)


def translate_y(images: Array, parameters: Array) -> Array:
    """Move images (batch, height, width, channels) along their columns."""
    return _translated(images, parameters, axis=1)


def rotate(images: Array, parameters: Array) -> Array:
    """Turn images (batch, height, width, channels) about their centre."""
    return _gathered(images, parameters, _turned)


def _sheared_columns(numbers: list[Array], y: Array, x: Array) -> tuple[Array, Array]:
    return y + ((numbers[0] + numbers[1] * x) >> 16), x


def _turned(numbers: list[Array], y: Array, x: Array) -> tuple[Array, Array]:
    a, b, c, d, e, f = numbers[:6]
    return (f + y * e + x * d) >> 16, (c + y * b + x * a) >> 16


def _translated(images: Array, parameters: Array, *, axis: int) -> Array:
    """Return images moved along an axis, cut from a larger image with fill on either side; where the shift grows within an
    image, pixel by pixel."""
    side = images.shape[axis]

    def moved(numbers: list[Array], y: Array, x: Array) -> tuple[Array, Array]:
        at = (y, x)[axis - 1]
        at = at + numbers[0] + (at >= numbers[1])
        return (at, x) if axis == 1 else (y, at)

    def cut(images: Array, parameters: Array) -> Array:
        starts = side + jnp.clip(parameters[:, 0], -side, side)
        wide = _between_fill(images, parameters, axis)
        if len(images) == 1:
            return _cut_along(wide, starts[0], axis, images.shape)
        each = jax.vmap(lambda image, start: _cut_along(image, start, axis - 1, images.shape[1:]))
        return each(wide, starts)

    def found(images: Array, parameters: Array) -> Array:
        return _gathered(images, parameters, moved)

    return lax.cond((parameters[:, 1] < side).any(), found, cut, images, parameters)


def _gathered(images: Array, parameters: Array, source: Callable[[list[Array], Array, Array], tuple[Array, Array]]) -> Array:
    """Return for each pixel (y, x) the pixel at the `source` that the numbers of its image give, or the fill."""
    batch, height, width, channels = images.shape

    def places(parameters: Array) -> Array:
        numbers = [parameters[:, at, None, None] for at in range(FILL)]
        y, x = source(numbers, jnp.arange(height)[None, :, None], jnp.arange(width)[None, None])
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        return jnp.where(inside, (jnp.arange(batch)[:, None, None] * height + y) * width + x, -1)

    at = outlined(places)(parameters).reshape(batch, -1)
    fill = fill_colours(parameters, channels)
    if channels > 4:
        found = images.reshape(-1, channels)[jnp.maximum(at, 0)]
        return jnp.where((at >= 0)[..., None], found, fill[:, None]).reshape(images.shape)
    found = at_places(_packed(images).reshape(-1), at)
    return unpacked(jnp.where(at >= 0, found, packed(fill)[:, None]), channels).reshape(images.shape)


def _fill_around(images: Array, parameters: Array, axis: int) -> Array:
    """Return images with as much fill before and behind them along an axis, three times its length."""
    fill = fill_colours(parameters, images.shape[-1])[:, None, None]
    margin = jnp.broadcast_to(fill, images.shape)
    return jnp.concatenate([margin, images, margin], axis)


def _windows_of_rows(rows: Array, starts: Array, size: int) -> Array:
    """Return from each of the rows (rows, width) the `size` values from its start on: (rows, size)."""
    places = jnp.stack([jnp.arange(len(rows)), starts], axis=-1)
    numbers = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(0,), start_index_map=(0, 1))
    return lax.gather(rows, places, numbers, (1, size), mode="promise_in_bounds")


def _slice_along(images: Array, start: Array, axis: int, shape: tuple[int, ...]) -> Array:
    """Return the part of this shape that begins at `start` along an axis."""
    return lax.dynamic_slice(images, tuple(start if at == axis else 0 for at in range(images.ndim)), shape)


_packed = outlined(packed)
_between_fill = outlined(_fill_around, static=(2,))
_windows = outlined(_windows_of_rows, static=(2,))
_cut_along = outlined(_slice_along, static=(2, 3))

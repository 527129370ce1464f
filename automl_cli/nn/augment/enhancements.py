"""Contrast, colour, brightness and sharpness, and the blend of two images, with Pillow's arithmetic.

All are Pillow's blend of a degenerate image a with the image b: a + alpha (b - a) in float32, cut to 0..255, then truncated.
A compiler for a CPU makes one instruction of the product and the sum, which rounds once instead of twice and changes pixels: in
mapping `paper` 1,630 of all 655,360 (a, b, level). No barrier of JAX prevents it. So the bits of the product are combined by
exclusive or with a number that is 0, but is an input of the program.

An image of two or four channels ends with alpha, which stays as it is. Of five or more, the first three are the colours and the
others stay. Each function takes images (batch, height, width, channels) uint8 and the numbers of `parameters`, (batch, slots).
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax

from automl_cli.nn.augment.parameters import ZERO


def colour_channels(channels: int) -> int:
    """Return how many channels are colours: 1 of grey images with or without alpha, else 3."""
    return 1 if channels < 3 else 3


def blend(degenerate: Array, images: Array, parameters: Array) -> Array:
    """Blend two arrays (batch, …) uint8 as `PIL.Image.blend` does, by the weight in the first slot of each image."""
    each = (slice(None), *(None,) * (images.ndim - 1))
    alpha = lax.bitcast_convert_type(parameters[:, 0], jnp.float32)[each]
    start = degenerate.astype(jnp.int32)
    product = alpha * (images.astype(jnp.int32) - start).astype(jnp.float32)
    rounded = lax.bitcast_convert_type(product, jnp.int32) ^ parameters[:, ZERO][each]
    blended = start.astype(jnp.float32) + lax.bitcast_convert_type(rounded, jnp.float32)
    return jnp.clip(blended, 0, 255).astype(jnp.int32).astype(jnp.uint8)


def brightness(images: Array, parameters: Array) -> Array:
    """Blend images (batch, height, width, channels) with black."""
    return _on_colours(images, lambda colours: blend(jnp.zeros_like(colours), colours, parameters))


def contrast(images: Array, parameters: Array) -> Array:
    """Blend images (batch, height, width, channels) with the mean of their grey, one number for an image."""
    pixels = images.shape[1] * images.shape[2]
    total = grey(images).sum((1, 2), dtype=jnp.uint32)
    quotient, rest = total // pixels, total % pixels
    mean = (quotient + (2 * rest >= pixels)).astype(jnp.uint8)[:, None, None, None]
    return _on_colours(images, lambda colours: blend(jnp.broadcast_to(mean, colours.shape), colours, parameters))


def color(images: Array, parameters: Array) -> Array:
    """Blend images (batch, height, width, channels) with their grey; a grey image stays as it is."""
    if images.shape[-1] < 3:
        return images
    return _on_colours(images, lambda colours: blend(grey(images)[..., None].astype(jnp.uint8), colours, parameters))


def sharpness(images: Array, parameters: Array) -> Array:
    """Blend images (batch, height, width, channels) with their smoothed selves."""
    return _on_colours(images, lambda colours: blend(smoothed(colours), colours, parameters))


def grey(images: Array) -> Array:
    """Return Pillow's grey of images (batch, height, width, channels): (batch, height, width) int32."""
    if images.shape[-1] < 3:
        return images[..., 0].astype(jnp.int32)
    red, green, blue = (images[..., channel].astype(jnp.int32) for channel in range(3))
    return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16


def smoothed(images: Array) -> Array:
    """Return images (batch, height, width, channels) uint8 with each pixel inside the border the weighted mean of its
    neighbours, 5 parts of 13 its own."""
    if min(images.shape[1:3]) < 3:
        return images
    wide = images.astype(jnp.int32)
    rows = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    total = rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:] + 4 * wide[:, 1:-1, 1:-1]
    inside = ((2 * total + 13) // 26).astype(jnp.uint8)
    return images.at[:, 1:-1, 1:-1].set(inside)


def _on_colours(images: Array, change: Callable[[Array], Array]) -> Array:
    """Return the images with their colour channels changed."""
    colours = colour_channels(images.shape[-1])
    if colours == images.shape[-1]:
        return change(images)
    return jnp.concatenate([change(images[..., :colours]), images[..., colours:]], axis=-1)

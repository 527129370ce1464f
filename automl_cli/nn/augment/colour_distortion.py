"""Colour distortion of training images, as in the code released with NASNet and Inception (`distort_color`, its fast mode).

A brightness is added, drawn from -32/255 .. 32/255; the saturation is multiplied by 0.5 .. 1.5; in this order for one image in
four, in the other for the rest; then values are clipped. AutoAugment (arXiv 1805.09501) lists it for ImageNet, and reports that
leaving it out does not change the result.
"""

import jax
import jax.numpy as jnp
from jax import Array

BRIGHTNESS = 32 / 255
SATURATION = (0.5, 1.5)
BRIGHTNESS_FIRST = 1 / 4


def distort_colours(images: Array, key: Array) -> Array:
    """Distort the colours of each image on its own; images (batch, height, width, channels) are float32 from -1 to 1."""
    keys = jax.random.split(key, 3)
    each = (len(images), 1, 1, 1)
    brightness = jax.random.uniform(keys[0], each, minval=-BRIGHTNESS, maxval=BRIGHTNESS)
    factor = jax.random.uniform(keys[1], each, minval=SATURATION[0], maxval=SATURATION[1])
    first = jax.random.bernoulli(keys[2], BRIGHTNESS_FIRST, each)
    values = (images + 1) / 2
    values = saturated(values + jnp.where(first, brightness, 0), factor) + jnp.where(first, 0, brightness)
    return 2 * jnp.clip(values, 0, 1) - 1


def saturated(values: Array, factor: Array) -> Array:
    """Multiply the saturation of every pixel by `factor`, up to a saturation of 1; hue and largest channel stay.

    `values` are (batch, height, width, channels) from 0 to 1, `factor` (batch, 1, 1, 1). The saturation is s = (largest -
    least) / largest, and values <- largest - (largest - values) min(factor, 1 / s).
    """
    if values.shape[-1] == 1:
        return values
    largest, least = values.max(-1, keepdims=True), values.min(-1, keepdims=True)
    spread = largest - least
    limit = jnp.where(spread > 0, largest / jnp.where(spread > 0, spread, 1), 1)
    return largest - (largest - values) * jnp.minimum(factor, limit)

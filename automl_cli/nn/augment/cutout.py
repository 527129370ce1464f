"""Cutout: a square of every training image is set to one value (arXiv 1708.04552; as in AutoAugment, arXiv 1805.09501)."""

import jax
import jax.numpy as jnp
from jax import Array


def cut_out(images: Array, key: Array, *, share: float, fill: Array) -> Array:
    """Set a square of each image (batch, height, width, channels) to `fill` (channels,), of the images' dtype.

    Its side is `share` of the shorter side, rounded; its centre is uniform over the image, and the border clips it.
    """
    side = side_of(share, images.shape[1:3])
    return jnp.where(squares(key, images.shape[:3], side=side)[..., None], fill, images) if side else images


def side_of(share: float, shape: tuple[int, ...]) -> int:
    """Return the side of the square in pixels on images of this (height, width).

    >>> side_of(0.5, (32, 48)), side_of(0, (8, 8))
    (16, 0)
    """
    return round(share * min(shape))


def squares(key: Array, shape: tuple[int, ...], *, side: int) -> Array:
    """Return which pixels of images of this (batch, height, width) lie in the square of each: boolean, of this shape.

    Along an axis the square covers the pixels from centre - side // 2 on, `side` of them.
    """
    inside = []
    for axis_key, size in zip(jax.random.split(key), shape[1:], strict=True):
        first = jax.random.randint(axis_key, (shape[0], 1), 0, size) - side // 2
        pixels = jnp.arange(size)[None]
        inside.append((pixels >= first) & (pixels < first + side))
    rows, columns = inside
    return rows[:, :, None] & columns[:, None, :]

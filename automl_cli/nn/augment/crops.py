"""Random crops and flips of whitened training images, and the evaluation view that goes with them."""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

Transform = Callable[[Array, Array], Array]
"""(whitened images (batch, height, width, channels), random key) -> images of the same shape. Hashable and cached: a
compiled program is looked up by it."""

View = Callable[[Array], Array]
"""Whitened images (batch, height, width, channels) -> images of the same shape, as they are shown to a network outside
training."""

UPSAMPLING = 1.25
"""Factor by which images are upsampled before they are cropped. NAS (arXiv 1611.01578, section 4.1) does not state it;
NASNet's recipe has 40 pixels for 32."""


@cache
def crop_and_flip(*, flip: bool) -> Transform:
    """Return the augmentation of NAS: upsample by 1.25, crop a random window of the old size, mirror half of the images if
    `flip`.

    NAS, arXiv 1611.01578, section 4.1. Images are (batch, height, width, channels), float32. Upsampling is bilinear. Upsampling
    and cropping are one product per axis with a row of a small table of matrices.
    """

    def transform(images: Array, key: Array) -> Array:
        batch, height, width, _ = images.shape
        rows_key, columns_key, flip_key = jax.random.split(key, 3)
        rows = _random_rows(rows_key, batch, _windows(height))
        columns = _random_rows(columns_key, batch, _windows(width))
        cropped = jnp.einsum("bij,bjwc->biwc", rows, images)
        cropped = jnp.einsum("bkw,biwc->bikc", columns, cropped)
        return mirrored(cropped, flip_key) if flip else cropped

    return transform


@cache
def flip_and_crop(*, flip: bool) -> Transform:
    """Return the baseline augmentation of AutoAugment: mirror half of the images if `flip`, pad them with zeros, which is the
    mean of the data, and crop a random window of the old size.

    arXiv 1805.09501, section 4.1. The margin is an eighth of the side, 4 pixels for 32.
    """

    def transform(images: Array, key: Array) -> Array:
        batch, height, width, channels = images.shape
        rows_key, columns_key, flip_key = jax.random.split(key, 3)
        start = [
            jax.random.randint(key, (batch,), 0, 2 * margin(size) + 1)
            for key, size in ((rows_key, height), (columns_key, width))
        ]
        margins = [(margin(size),) * 2 for size in (height, width)]
        padded = jnp.pad(mirrored(images, flip_key) if flip else images, ((0, 0), *margins, (0, 0)))
        cut = partial(jax.lax.dynamic_slice, slice_sizes=(height, width, channels))
        return jax.vmap(lambda image, row, column: cut(image, (row, column, 0)))(padded, *start)

    return transform


def margin(size: int) -> int:
    """Return by how many pixels an axis of this length is padded on either side by `flip_and_crop`.

    >>> margin(32), margin(8)
    (4, 1)
    """
    return max(1, round(size / 8))


def mirrored(images: Array, key: Array) -> Array:
    """Mirror half of the images (batch, height, width, channels), drawn by the key."""
    return jnp.where(jax.random.bernoulli(key, 0.5, (len(images), 1, 1, 1)), images[:, :, ::-1], images)


def centre_crop(images: Array) -> Array:
    """Return the middle window of upsampled images (batch, height, width, channels), the evaluation view for `crop_and_flip`.

    The paper does not state its evaluation view. Uncropped images show everything smaller by a factor of 1.25 than in training:
    a network with 99.6 % accuracy on the validation digits in this view has 77.7 % on the uncropped ones.
    """
    _, height, width, _ = images.shape
    rows, columns = (jnp.asarray(_windows(size)[(round(UPSAMPLING * size) - size) // 2]) for size in (height, width))
    return jnp.einsum("kw,biwc->bikc", columns, jnp.einsum("ij,bjwc->biwc", rows, images))


def _random_rows(key: Array, batch: int, windows: np.ndarray) -> Array:
    """Return for each image one of the matrices `windows` (offsets, size, size), drawn uniformly: (batch, size, size)."""
    return jnp.asarray(windows)[jax.random.randint(key, (batch,), 0, len(windows))]


def _windows(size: int) -> np.ndarray:
    """Return the matrices that upsample one axis and cut a window, one for each offset of the window: (offsets, size, size)."""
    matrix = upsampling_matrix(size, round(UPSAMPLING * size))
    return np.stack([matrix[start : start + size] for start in range(len(matrix) - size + 1)])


def upsampling_matrix(size: int, upsampled: int) -> np.ndarray:
    """Return the matrix of bilinear interpolation from `size` to `upsampled` pixels: (upsampled, size), float32.

    Pixel i has its centre at (i + 1/2) / size.
    """
    positions = np.clip((np.arange(upsampled) + 0.5) * size / upsampled - 0.5, 0, size - 1)
    return np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(size)[None])).astype(np.float32)

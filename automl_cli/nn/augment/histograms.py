"""AutoContrast and Equalize with Pillow's arithmetic, each channel on its own."""

from functools import cache

import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.nn.augment.enhancements import colour_channels


def equalize(images: Array, parameters: Array) -> Array:
    """Give the colours of images (batch, height, width, channels) uint8 an even distribution."""
    batch, height, width, channels = images.shape
    colours = colour_channels(channels)
    planes = images[..., :colours].reshape(batch, -1, colours)
    counts = (planes[:, :, :, None] == jnp.arange(256, dtype=jnp.uint8)).sum(1, dtype=jnp.int32)
    tables = equalization(counts)
    found = _looked_up(tables, planes)
    return jnp.concatenate([found.reshape(batch, height, width, colours), images[..., colours:]], axis=-1)


def _looked_up(tables: Array, planes: Array) -> Array:
    """Return the entry of each value of planes (batch, pixels, channels) in its table, (batch, channels, 256)."""
    at = planes.astype(jnp.int32).transpose(0, 2, 1)
    return jnp.take_along_axis(tables, at, axis=2).transpose(0, 2, 1)


def equalization(counts: Array) -> Array:
    """Return the new values of each old one, (batch, channels, 256) uint8, from how often each occurs, the same shape."""
    below = jnp.cumsum(counts, -1) - counts
    last = jnp.where(counts > 0, below, 0).max(-1, keepdims=True)
    step = last // 255
    table = (step // 2 + below) // jnp.maximum(step, 1)
    table = jnp.minimum(table, 255)
    return jnp.where(step > 0, table, jnp.arange(256)).astype(jnp.uint8)


def autocontrast(images: Array, parameters: Array) -> Array:
    """Stretch each channel of images (batch, height, width, channels) uint8 from its least and largest value to 0..255."""
    batch, height, width, channels = images.shape
    colours = colour_channels(channels)
    planes = images[..., :colours].reshape(batch, -1, colours)
    least, largest = planes.min(1).astype(jnp.int32)[:, :, None], planes.max(1).astype(jnp.int32)[:, :, None]
    found = _looked_up(contrast_table(least, largest), planes)
    return jnp.concatenate([found.reshape(batch, height, width, colours), images[..., colours:]], axis=-1)


def contrast_table(least: Array, largest: Array) -> Array:
    """Return the new value of each old one under AutoContrast, (batch, channels, 256) uint8; arguments (batch, channels, 1).

    Exactly, i becomes floor(255 (i - least) / (largest - least)). Pillow's double precision gives one less at some i where
    this is a whole number, at most 17 for a pair; `rounding_errors` says where.
    """
    spread = largest - least
    above = jnp.arange(256) - least
    table = jnp.clip(255 * above // jnp.maximum(spread, 1), 0, 255)
    kinds, patterns = (jnp.asarray(part) for part in rounding_errors())
    wrong = patterns[kinds[least[..., 0], largest[..., 0]]].astype(jnp.int32)
    table -= (above > 0) & (above[..., None] == wrong[..., None, :]).any(-1)
    return jnp.where(spread > 0, table, jnp.arange(256)).astype(jnp.uint8)


@cache
def rounding_errors() -> tuple[np.ndarray, np.ndarray]:
    """Return where AutoContrast in double precision is one below the exact value.

    The first array, (256, 256) int16, gives for a least and a largest value a row of the second, (rows, 17) uint8: differences
    to the least value, unused ones 0.
    """
    values = np.arange(256)
    kinds = np.zeros((256, 256), np.int16)
    rows: dict[tuple[int, ...], int] = {(): 0}
    for least in range(255):
        largest = values[least + 1 :, None]
        scale = 255.0 / (largest - least)
        found = np.trunc(values * scale + -least * scale)
        exact = np.floor_divide(255 * (values - least), largest - least)
        wrong = (np.clip(found, 0, 255) != exact) & (values >= least) & (values <= largest)
        for row, line in zip(wrong, range(least + 1, 256), strict=True):
            kinds[least, line] = rows.setdefault(tuple(np.flatnonzero(row) - least), len(rows))
    patterns = np.zeros((len(rows), max(map(len, rows))), np.uint8)
    for pattern, row in rows.items():
        patterns[row, : len(pattern)] = pattern
    return kinds, patterns

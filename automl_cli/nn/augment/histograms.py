"""AutoContrast and Equalize with Pillow's arithmetic, each channel on its own."""

from collections.abc import Callable
from functools import cache

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from automl_cli.nn.augment.pixels import colour_channels, counted, looked_up, split
from automl_cli.nn.ops.no_inline import outlined


def equalize(images: Array, parameters: Array) -> Array:
    """Give the colours of images (batch, height, width, channels) uint8 an even distribution."""
    return _through_tables(images, lambda plane: equalization(counted(plane)))


def autocontrast(images: Array, parameters: Array) -> Array:
    """Stretch each channel of images (batch, height, width, channels) uint8 from its least and largest value to 0..255."""
    return _through_tables(images, lambda plane: contrast_table(plane.min(), plane.max()))


def _through_tables(images: Array, table: Callable[[Array], Array]) -> Array:
    """Send each colour channel of each image through the table (256,) that is made from it."""
    height, width, channels = images.shape[1:]
    colours, dense = colour_channels(channels), outlined(table)

    def changed(image: Array) -> Array:
        planes = split(image.reshape(-1, channels))
        tables = [dense(plane) for plane in planes[:colours]] + [jnp.arange(256)] * (channels - colours)
        return looked_up(tables, planes).reshape(height, width, channels)

    return lax.map(changed, images) if len(images) > 1 else changed(images[0])[None]


def equalization(counts: Array) -> Array:
    """Return the new value of each old one, (bins,) int32, from how often each occurs, the same shape."""
    parts = counts.reshape(16, 16)
    earlier = jnp.arange(16)[:, None] < jnp.arange(16)[None]
    within = jnp.where(earlier[None], parts[:, :, None], 0).sum(1)
    below = (within + jnp.where(earlier, parts.sum(1)[:, None], 0).sum(0)[:, None]).reshape(256)
    last = jnp.where(counts > 0, below, 0).max()
    step = last // 255
    table = jnp.minimum((step // 2 + below) // jnp.maximum(step, 1), 255)
    return jnp.where(step > 0, table, jnp.arange(256))


def contrast_table(least: Array, largest: Array) -> Array:
    """Return the new value of each old one under AutoContrast, (bins,) int32, from the least and the largest, scalars.

    Exactly, i becomes floor(255 (i - least) / (largest - least)). Pillow's double precision gives one less at some i where
    this is a whole number, at most 17 for a pair; `rounding_errors` says where.
    """
    least, largest = least.astype(jnp.int32), largest.astype(jnp.int32)
    spread = largest - least
    above = jnp.arange(256) - least
    table = jnp.clip(255 * above // jnp.maximum(spread, 1), 0, 255)
    kinds, patterns = (jnp.asarray(part) for part in rounding_errors())
    wrong = patterns[kinds[least, largest]].astype(jnp.int32)
    table -= (above > 0) & (above[:, None] == wrong[None]).any(-1)
    return jnp.where(spread > 0, table, jnp.arange(256))


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

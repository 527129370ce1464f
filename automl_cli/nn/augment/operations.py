"""The operations of policies on batches of images, each by name, equal to Pillow's pixel for pixel.

`apply_operation` applies one to a batch; `policy` applies to every image what was drawn for it. Images are (batch, height,
width, channels) uint8 of any size. AutoContrast, Invert, Equalize, Solarize, Posterize and the enhancements leave alpha alone,
the second of two channels and the fourth of four, and treat the channels after the third of five or more like alpha; the other
operations treat all channels alike.
"""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
from jax import Array

from automl_cli.nn.augment import affine, enhancements, histograms
from automl_cli.nn.augment.affine import fill_colours
from automl_cli.nn.augment.pixels import on_colours
from automl_cli.nn.ops.no_inline import outlined
from automl_cli.values.policy import OperationName


def invert(images: Array, parameters: Array) -> Array:
    """Replace each value of the images (batch, height, width, channels) by 255 minus it."""
    return on_colours(images, lambda flat: ~flat)


def solarize(images: Array, parameters: Array) -> Array:
    """Replace values of the images (batch, height, width, channels) from the threshold on by 255 minus them."""
    last_kept = parameters[:, :1] - 1
    kept = last_kept.astype(jnp.uint8)
    return on_colours(images, lambda flat: jnp.where((flat <= kept) & (last_kept >= 0), flat, ~flat))


def posterize(images: Array, parameters: Array) -> Array:
    """Keep the highest bits of each value of the images (batch, height, width, channels)."""
    return on_colours(images, lambda flat: flat & parameters[:, :1].astype(jnp.uint8))


def cutout(images: Array, parameters: Array, places: Array) -> Array:
    """Fill a square of images (batch, height, width, channels) around `places`, (batch, 2) int32: row and column.

    A square of an even side n has n / 2 pixels before its centre. It ends at the border.
    """
    batch, height, width, channels = images.shape
    side = parameters[:, 0, None]

    def within(length: int, centre: Array) -> Array:
        after = jnp.arange(length)[None] - centre[:, None] + side // 2
        return jnp.where((after >= 0) & (after < side), 255, 0).astype(jnp.uint8)

    down, across = within(height, places[:, 0])[:, :, None], jnp.repeat(within(width, places[:, 1]), channels, axis=1)
    colours = jnp.tile(fill_colours(parameters, channels), (1, width))
    return _filled(images.reshape(batch, height, -1), down, across, colours).reshape(images.shape)


def _fill_square(rows: Array, down: Array, across: Array, colours: Array) -> Array:
    """Return images (batch, height, values) with `colours` (batch, values) where both masks have 255 and not 0."""
    square = down & across[:, None]
    return (rows & ~square) | (colours[:, None] & square)


_filled = outlined(_fill_square)


def sample_pairing(images: Array, parameters: Array, partners: Array) -> Array:
    """Blend each image with its partner, both (batch, height, width, channels)."""
    batch = len(images)
    return enhancements.blend(images.reshape(batch, -1), partners.reshape(batch, -1), parameters).reshape(images.shape)


ALONE: Mapping[OperationName, Callable[[Array, Array], Array]] = {
    "ShearX": affine.shear_x,
    "ShearY": affine.shear_y,
    "TranslateX": affine.translate_x,
    "TranslateY": affine.translate_y,
    "Rotate": affine.rotate,
    "AutoContrast": histograms.autocontrast,
    "Invert": invert,
    "Equalize": histograms.equalize,
    "Solarize": solarize,
    "Posterize": posterize,
    "Contrast": enhancements.contrast,
    "Color": enhancements.color,
    "Brightness": enhancements.brightness,
    "Sharpness": enhancements.sharpness,
}
"""Operations that need nothing but the image and their parameters."""


def apply_operation(name: OperationName, images: Array, parameters: Array, places: Array, partners: Array) -> Array:
    """Apply one operation to images (batch, height, width, channels) uint8; the result has their shape.

    `parameters` are (batch, slots) int32 from `operation_parameters`, `places` (batch, 2) int32 the row and column of the
    centre of Cutout, `partners` the images (batch, height, width, channels) that SamplePairing blends in.
    """
    if name == "Cutout":
        return cutout(images, parameters, places)
    if name == "SamplePairing":
        return sample_pairing(images, parameters, partners)
    return ALONE[name](images, parameters) if name in ALONE else images

"""Brings images to one size: the middle is cut out, margins are added, or the proportions change."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image, ImageColor, ImageOps

from automl_cli.core.errors import DataError
from automl_cli.data.source import WHITE, Colour

Resizing = Literal["crop", "pad", "squash"]


def colour_named(background: str) -> Colour:
    """Return the red, green and blue of a colour, such as "white" or "#ff8000". Raises DataError for an unknown one.

    >>> colour_named("white"), colour_named("#102030")
    ((255, 255, 255), (16, 32, 48))
    """
    try:
        red, green, blue = ImageColor.getrgb(background)[:3]
    except ValueError as error:
        raise DataError(
            f"--background is {background!r}; it may be the name of a colour, such as white, black or gray, or #rrggbb"
        ) from error
    return red, green, blue


def grey_level(colour: Colour) -> int:
    """Return the grey level of a colour, as pictures become grey.

    >>> grey_level((255, 255, 255)), grey_level((255, 0, 0))
    (255, 76)
    """
    red, green, blue = colour
    return round(0.299 * red + 0.587 * green + 0.114 * blue)


def is_grey(colour: Colour) -> bool:
    """Return whether a colour is a shade of grey."""
    return len(set(colour)) == 1


def fit(
    image: np.ndarray, size: tuple[int, int] | None, *, how: Resizing = "crop", margin: tuple[float, ...] = WHITE
) -> np.ndarray:
    """Return the image with `size` (height, width), resampled bilinearly with antialiasing.

    crop      the largest window of that shape in the middle
    pad       the whole picture in the middle, with margins of the colour `margin`, a value for each channel
    squash    the whole picture, its proportions changed

    `image` is (height, width, channels), uint8 or float32; its dtype is kept. It is returned unchanged if `size` is None.
    """
    if size is None or image.shape[:2] == size:
        return image
    resized = [_resized(Image.fromarray(image[:, :, channel]), size, how) for channel in range(image.shape[2])]
    planes = np.stack([np.asarray(plane) for plane in resized], axis=-1)
    if planes.shape[:2] == size:
        return planes
    whole = np.empty((*size, image.shape[2]), image.dtype)
    whole[:] = np.asarray(margin[: image.shape[2]], image.dtype)
    top, left = (size[0] - planes.shape[0]) // 2, (size[1] - planes.shape[1]) // 2
    whole[top : top + planes.shape[0], left : left + planes.shape[1]] = planes
    return whole


def _resized(plane: Image.Image, size: tuple[int, int], how: Resizing) -> Image.Image:
    height, width = size
    if how == "crop":
        return ImageOps.fit(plane, (width, height), Image.Resampling.BILINEAR)
    if how == "pad":
        scale = min(height / plane.height, width / plane.width)
        height, width = max(1, round(plane.height * scale)), max(1, round(plane.width * scale))
    return plane.resize((width, height), Image.Resampling.BILINEAR)

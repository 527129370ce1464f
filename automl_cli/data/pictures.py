"""Pictures to arrays: decoding with Pillow, resizing, and what a broken picture is called."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from automl_cli.core.errors import DataError

GREY_MODES = frozenset({"1", "L", "LA"})
DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})


def decode(data: bytes, where: str, *, channels: int, size: int | None, upright: bool = False) -> np.ndarray:
    """uint8 (height, width, channels) of an encoded picture; the first frame of an animated one. Transparency is dropped.

    `size`, when given, makes it square (see `fit`). `upright` turns the picture as its camera noted. Raises DataError naming
    `where`.
    """
    try:
        with Image.open(io.BytesIO(data)) as opened:
            picture = ImageOps.exif_transpose(opened) if upright else opened
            check_mode(picture.mode, where, channels=channels)
            array = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is no picture that can be read ({error}); replace or remove it") from error
    return fit(array.reshape(*array.shape[:2], channels), size)


def check_mode(mode: str, where: str, *, channels: int) -> None:
    """Raises DataError for a picture of more than 8 bits, and for a colour picture in a set of grey ones."""
    if mode in DEEP_MODES:
        raise DataError(f"{where} has more than 8 bits a channel (mode {mode}); convert it to 8 bits")
    if channels == 1 and mode not in GREY_MODES:
        raise DataError(f"{where} is in colour, but the first picture of every class is grey; convert it, or the others")


def header(path: Path) -> tuple[str, tuple[int, int]]:
    """(mode, (height, width)) from a picture's header, turned upright; decodes nothing."""
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return picture.mode, (width, height) if turned else (height, width)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is no picture that can be read ({error}); replace or remove it") from error


def fit(image: np.ndarray, size: int | None) -> np.ndarray:
    """The image as a square of `size` pixels: the largest centred square, resampled bilinearly with antialiasing; dtype kept.

    `image` is (height, width, channels), uint8 or float32; without a size it is returned as it is.
    """
    if size is None or image.shape[:2] == (size, size):
        return image
    planes = [
        ImageOps.fit(Image.fromarray(image[:, :, channel]), (size, size), Image.Resampling.BILINEAR)
        for channel in range(image.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)

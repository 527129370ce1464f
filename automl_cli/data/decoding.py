"""Decoding and resizing of pictures with Pillow, and the errors for broken ones."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from automl_cli.core.errors import DataError
from automl_cli.data.crops import Box

GREY_MODES = frozenset({"1", "L", "LA"})
DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})


def decode(data: bytes, where: str, *, channels: int, size: int | None, upright: bool = False) -> np.ndarray:
    """Decode a picture to uint8 (height, width, channels), the first frame of an animated one, without transparency.

    `size`, if given, makes it square (see `fit`). `upright` applies the orientation that the camera recorded. Raises DataError
    naming `where`.
    """
    with _errors_named(where), Image.open(io.BytesIO(data)) as opened:
        array = np.asarray(_converted(opened, where, channels=channels, upright=upright))
    return fit(array.reshape(*array.shape[:2], channels), size)


def decode_window(
    data: bytes, where: str, window: Callable[[int, int], Box], *, shape: tuple[int, int, int], upright: bool = False
) -> np.ndarray:
    """Decode a window of a picture to uint8 of this shape (height, width, channels), resampled bilinearly with antialiasing.

    `window` chooses the window from the picture's height and width. A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if the
    window has enough pixels even so. Everything else is as in `decode`.
    """
    height, width, channels = shape
    with _errors_named(where), Image.open(io.BytesIO(data)) as opened:
        columns, rows = opened.size
        if upright and _on_its_side(opened):
            columns, rows = rows, columns
        box = window(rows, columns)
        enough = min((box.right - box.left) / width, (box.bottom - box.top) / height)
        if reduction := next((factor for factor in (8, 4, 2) if factor <= enough), None):
            opened.draft(None, (opened.width // reduction, opened.height // reduction))
        picture = _converted(opened, where, channels=channels, upright=upright)
        across, down = picture.width / columns, picture.height / rows
        inside = (box.left * across, box.top * down, box.right * across, box.bottom * down)
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=inside)).reshape(shape)


def _converted(opened: Image.Image, where: str, *, channels: int, upright: bool) -> Image.Image:
    picture = ImageOps.exif_transpose(opened) if upright else opened
    check_mode(picture.mode, where, channels=channels)
    return picture.convert("L" if channels == 1 else "RGB")


def _on_its_side(picture: Image.Image) -> bool:
    """Return whether the recorded orientation is a quarter turn."""
    return picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)


@contextmanager
def _errors_named(where: object) -> Iterator[None]:
    """Turn errors for a broken picture into a DataError that names it."""
    try:
        yield
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is no picture that can be read ({error}); replace or remove it") from error


def check_mode(mode: str, where: str, *, channels: int) -> None:
    """Check the mode of a picture. Raises DataError for more than 8 bits, and for a colour picture in a set of grey ones."""
    if mode in DEEP_MODES:
        raise DataError(f"{where} has more than 8 bits a channel (mode {mode}); convert it to 8 bits")
    if channels == 1 and mode not in GREY_MODES:
        raise DataError(f"{where} is in colour, but the first picture of every class is grey; convert it, or the others")


def header(path: Path) -> tuple[str, tuple[int, int]]:
    """Return (mode, (height, width)) from a picture's header, after its recorded orientation; decodes nothing."""
    with _errors_named(path), Image.open(path) as picture:
        width, height = picture.size
        return picture.mode, (width, height) if _on_its_side(picture) else (height, width)


def read_picture(path: Path) -> tuple[Image.Image, str]:
    """Return a decoded picture in its own mode, turned as its camera recorded, and the format of its file.

    Of an animated one it is the first frame. Raises DataError naming a file that cannot be read.
    """
    with _errors_named(path), Image.open(path) as opened:
        return ImageOps.exif_transpose(opened), opened.format or ""


def fit(image: np.ndarray, size: int | None) -> np.ndarray:
    """Return the largest centred square of the image, resampled to `size` pixels bilinearly with antialiasing.

    `image` is (height, width, channels), uint8 or float32; its dtype is kept. It is returned unchanged if `size` is None.
    """
    if size is None or image.shape[:2] == (size, size):
        return image
    planes = [
        ImageOps.fit(Image.fromarray(image[:, :, channel]), (size, size), Image.Resampling.BILINEAR)
        for channel in range(image.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)

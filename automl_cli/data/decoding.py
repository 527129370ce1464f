"""Decoding of pictures with Pillow to 8 bits a channel on an opaque background, and the errors for broken ones."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from automl_cli.core.errors import DataError
from automl_cli.data.crops import Box
from automl_cli.data.resizing import Resizing, fit, grey_level
from automl_cli.data.source import PLAIN, WHITE_8, Rendering

GREY_MODES = frozenset({"1", "L", "LA", "La", "F", "I", "I;16", "I;16B", "I;16L", "I;16N"})
LA_16 = "LA;16B"
"""Raw mode of grey pictures of 16 bits with transparency, which Pillow opens as colour."""

WHITE_16, WHITE_12 = 65535.0, 4095.0

ORIENTATION = 0x0112
EXIF_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    struct.error,
)
"""Errors that Pillow raises for EXIF that it cannot parse, which may hold anything."""

PNG_METADATA = (b"eXIf", b"Raw profile type", b"adobe.xmp")
"""Names of the places in a PNG file that may record an orientation."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Recorded orientation -> what turns the picture upright (EXIF 2.3, tag 274)."""


warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # of metadata that nobody reads, from threads
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # of large pictures; too large ones are errors


class BrokenPicture(DataError):
    """A file is no picture that can be read. `reason` says why, without its name."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where} is no picture that can be read ({reason}); replace or remove it")
        self.reason = reason


class Traits(NamedTuple):
    """Facts in the header of a picture. `height` and `width` are those of the upright picture.

    `deep` says that a channel has 12 or 16 bits, `floating` that pixels are floating-point numbers, `animated` that there are
    more frames than one.
    """

    height: int
    width: int
    grey: bool
    transparent: bool
    deep: bool
    floating: bool
    animated: bool


def decode(
    data: bytes,
    where: str,
    *,
    channels: int,
    size: tuple[int, int] | None,
    upright: bool = False,
    how: Resizing = "crop",
    rendering: Rendering = PLAIN,
) -> np.ndarray:
    """Decode a picture to uint8 (height, width, channels), the first frame of an animated one, without transparency.

    `size` (height, width), if given, is what `fit` makes of it. `upright` applies the orientation that the camera recorded.
    Raises DataError naming `where`.
    """
    with errors_named(where, data), Image.open(io.BytesIO(data)) as opened:
        array = np.asarray(_converted(opened, where, channels=channels, upright=upright, rendering=rendering))
    margin = rendering.background if channels == 3 else (grey_level(rendering.background),)
    return fit(array.reshape(*array.shape[:2], channels), size, how=how, margin=margin)


def decode_window(
    data: bytes,
    where: str,
    window: Callable[[int, int], Box],
    *,
    shape: tuple[int, int, int],
    upright: bool = False,
    rendering: Rendering = PLAIN,
) -> np.ndarray:
    """Decode a window of a picture to uint8 of this shape (height, width, channels), resampled bilinearly with antialiasing.

    `window` chooses the window from the picture's height and width. A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if the
    window has enough pixels even so. Everything else is as in `decode`.
    """
    height, width, channels = shape
    with errors_named(where, data), Image.open(io.BytesIO(data)) as opened:
        columns, rows = opened.size
        if upright and orientation(opened) > 4:
            columns, rows = rows, columns
        box = window(rows, columns)
        enough = min((box.right - box.left) / width, (box.bottom - box.top) / height)
        if reduction := next((factor for factor in (8, 4, 2) if factor <= enough), None):
            opened.draft(None, (opened.width // reduction, opened.height // reduction))
        picture = _converted(opened, where, channels=channels, upright=upright, rendering=rendering)
        across, down = picture.width / columns, picture.height / rows
        inside = (box.left * across, box.top * down, box.right * across, box.bottom * down)
        return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=inside)).reshape(shape)


def traits(file: Path | IO[bytes], where: str) -> Traits:
    """Return what the header of a picture says; decodes nothing. Raises BrokenPicture naming `where`."""
    with errors_named(where), Image.open(file) as opened:
        width, height = opened.size
        raw, deep = _raw_mode(opened), _is_deep(opened)
        if orientation(opened) > 4:
            width, height = height, width
        if opened.mode == "I":
            _check_whole_numbers(opened)
        return Traits(
            height=height,
            width=width,
            grey=opened.mode in GREY_MODES or raw == LA_16,
            transparent=opened.has_transparency_data or "transparency" in opened.info,
            deep=deep,
            floating=opened.mode == "F",
            animated=opened.format != "MPO" and bool(getattr(opened, "is_animated", False)),
        )


def check_whole(data: bytes, where: str) -> tuple[float, float] | None:
    """Decode a picture as cheaply as finds all its faults; return least and greatest pixel of a floating-point one.

    Raises DataError naming `where`.
    """
    with errors_named(where, data), Image.open(io.BytesIO(data)) as opened:
        opened.draft(None, (max(1, opened.width // 8), max(1, opened.height // 8)))
        opened.load()
        if opened.mode != "F":
            return None
        low, high = opened.getextrema()
        if not np.isfinite(np.asarray(opened)).all():
            raise ValueError("it holds values that are not finite")
        return float(low), float(high)  # type: ignore[arg-type]


def orientation(picture: Image.Image) -> int:
    """Return the recorded orientation, 1 to 8, that is still to be applied; 1 where none can be read.

    Pillow applies that of a TIFF file itself, and gives its size upright.
    """
    if picture.format == "TIFF" or not _may_be_turned(picture):
        return 1
    try:
        found = picture.getexif().get(ORIENTATION, 1)
    except EXIF_ERRORS:  # the picture may be sound even so
        return 1
    return found if found in TURNS else 1


def _may_be_turned(picture: Image.Image) -> bool:
    """Return False for a PNG file without any metadata, which may stand behind the pixels: Pillow decodes all to look there."""
    if picture.format != "PNG" or not picture.tile:  # type: ignore[attr-defined]
        return True
    file = picture.fp  # type: ignore[attr-defined]
    position = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(position)
    return any(name in data for name in PNG_METADATA)


@contextmanager
def errors_named(where: str, data: bytes | None = None) -> Iterator[None]:
    """Turn errors for a broken picture into a DataError that names it."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # Pillow's readers raise whatever their parsing meets: KeyError, TypeError, struct.error, …
        raise BrokenPicture(where, _reason(error, data)) from error


def _reason(error: Exception, data: bytes | None) -> str:
    if data == b"":
        return "the file is empty"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
    if isinstance(error, UnidentifiedImageError):
        return "the file is of no known picture format"
    if "truncated" in str(error).lower():
        return "the file is cut short"
    return str(error) or type(error).__name__


def _converted(opened: Image.Image, where: str, *, channels: int, upright: bool, rendering: Rendering) -> Image.Image:
    """Return the picture in mode L or RGB: 8 bits a channel, upright, opaque."""
    turn = TURNS.get(orientation(opened)) if upright else None
    if channels == 1 and opened.mode not in GREY_MODES and _raw_mode(opened) != LA_16:
        raise DataError(f"{where} is in colour, but the set is of grey pictures; convert it, or the others")
    picture = _eight_bits(opened, rendering.white)
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", over.size, (*rendering.background, 255)), over)
    picture = picture.convert("RGB") if channels == 3 or picture.mode == "RGBA" else picture
    picture = picture if turn is None else picture.transpose(turn)
    return picture.convert("L") if channels == 1 else picture


def read_picture(path: Path) -> tuple[Image.Image, str]:
    """Return a decoded picture in its own mode, turned as its camera recorded, and the format of its file.

    Of an animated one it is the first frame. Raises DataError naming a file that cannot be read.
    """
    with errors_named(str(path)), Image.open(path) as opened:
        turn = TURNS.get(orientation(opened))
        opened.load()
        return (opened.copy() if turn is None else opened.transpose(turn)), opened.format or ""


def _eight_bits(opened: Image.Image, white: float) -> Image.Image:
    """Return a picture of 16 bits or of floating-point numbers with 8 bits a channel, as its format means the numbers."""
    raw = _raw_mode(opened)
    opened.load()
    if opened.mode == "F":
        return _scaled(np.asarray(opened), white)
    if opened.mode == "I":
        _check_whole_numbers(opened)
    if opened.mode in GREY_MODES and opened.mode.startswith("I"):
        pixels = np.asarray(opened)
        grey = _scaled(pixels.astype(np.float32), WHITE_12 if ";12" in raw else WHITE_16)
        if _white_is_zero(opened):
            grey = Image.fromarray(255 - np.asarray(grey))
        if (clear := opened.info.get("transparency")) is not None:
            grey = Image.merge("LA", (grey, Image.fromarray(np.where(pixels == clear, 0, 255).astype(np.uint8))))
        return grey
    if ";16" in raw and isinstance(clear := opened.info.get("transparency"), tuple):
        opened.info["transparency"] = tuple(level >> 8 for level in clear)
    return opened


def _scaled(pixels: np.ndarray, white: float) -> Image.Image:
    return Image.fromarray(np.rint(pixels * (WHITE_8 / white)).clip(0, WHITE_8).astype(np.uint8))


def _white_is_zero(opened: Image.Image) -> bool:
    """Return whether 0 is white in a TIFF file of 16 bits, which Pillow leaves to its callers."""
    return opened.format == "TIFF" and opened.tag_v2.get(262) == 0  # type: ignore[attr-defined]


def _check_whole_numbers(opened: Image.Image) -> None:
    """Raise ValueError for whole numbers of more than 16 bits, of which the format does not say what is white."""
    if opened.format not in ("PNG", "PPM"):
        raise ValueError("its numbers have 32 bits or a sign, so what is white is not known; save it with 8 or 16 bits")


def _is_deep(opened: Image.Image) -> bool:
    return opened.mode.startswith("I") or ";16" in (raw := _raw_mode(opened)) or ";12" in raw


def _raw_mode(opened: Image.Image) -> str:
    """Return how the pixels are stored, such as "RGB;16B"; nothing once they are read."""
    tiles = getattr(opened, "tile", None)
    stored = tiles[0].args if tiles else ""
    return str(stored[0] if isinstance(stored, tuple) and stored else stored or "")

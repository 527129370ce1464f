"""A contact sheet: some pictures of every class, as a network sees them, with the names of the classes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from automl_cli.core.numbers import counted

PER_CLASS = 8
MOST_CLASSES = 40
LEAST_SIDE = 64
"""Pixels of the shorter side of a picture on the sheet; small ones are enlarged by a whole factor."""

MOST_SIDE = 128
"""Pixels of the shorter side to which larger pictures are reduced."""

GAP, MARGIN, TEXT, SMALL = 6, 16, 15, 12
PAPER, INK, FAINT = (255, 255, 255), (20, 20, 20), (110, 110, 110)
LONGEST_NAME = 260
"""Pixels that a name of a class may take."""


def contact_sheet(images: np.ndarray, labels: np.ndarray, classes: Sequence[str], title: str) -> bytes:
    """Return a sheet as PNG: a row for each class, its first pictures, its name and number of examples.

    `images` are (examples, height, width, channels) bytes, `labels` (examples,) indices into the classes.
    """
    shown = list(classes[:MOST_CLASSES])
    height, width = _shown_size(images.shape[1], images.shape[2])
    column = min(LONGEST_NAME, max(_width(name, TEXT) for name in [*shown, "0,000 examples"])) + 2 * GAP
    top = 2 * MARGIN + TEXT
    size = (2 * MARGIN + column + PER_CLASS * (width + GAP), top + len(shown) * (height + GAP) + MARGIN)
    if len(classes) > len(shown):
        size = (size[0], size[1] + MARGIN)
    sheet = Image.new("RGB", (max(size[0], 2 * MARGIN + _width(title, TEXT)), size[1]), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, INK, _font(TEXT))
    for number, name in enumerate(shown):
        at = top + number * (height + GAP)
        members = np.flatnonzero(labels == number)
        draw.text((MARGIN, at + height // 2 - TEXT), _shortened(name, column - 2 * GAP), INK, _font(TEXT))
        draw.text((MARGIN, at + height // 2 + GAP // 2), counted(len(members), "example"), FAINT, _font(SMALL))
        for place, row in enumerate(members[:PER_CLASS].tolist()):
            picture = _as_picture(images[row])
            how = Image.Resampling.NEAREST if width > picture.width else Image.Resampling.BOX
            picture = picture.resize((width, height), how)
            sheet.paste(picture, (MARGIN + column + place * (width + GAP), at))
    if len(classes) > len(shown):
        rest = f"… and {counted(len(classes) - len(shown), 'more class/more classes')}"
        draw.text((MARGIN, size[1] - MARGIN - SMALL), rest, FAINT, _font(SMALL))
    buffer = io.BytesIO()
    sheet.save(buffer, "png")
    return buffer.getvalue()


def _shown_size(height: int, width: int) -> tuple[int, int]:
    """Return the (height, width) of pictures on the sheet.

    >>> _shown_size(28, 32), _shown_size(96, 96), _shown_size(224, 448)
    ((84, 96), (96, 96), (128, 256))
    """
    shorter = min(height, width)
    if shorter > MOST_SIDE:
        return round(height * MOST_SIDE / shorter), round(width * MOST_SIDE / shorter)
    factor = -(-LEAST_SIDE // shorter)
    return height * factor, width * factor


def _as_picture(image: np.ndarray) -> Image.Image:
    """Return an image (height, width, channels) in colour: one channel as grey, of several the first three."""
    channels = image if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)
    return Image.fromarray(np.ascontiguousarray(channels[..., :3]))


def _shortened(name: str, room: int) -> str:
    """Return the name, cut at its end where it takes more room than there is."""
    while len(name) > 1 and _width(name, TEXT) > room:
        name = f"{name.rstrip('…')[:-1]}…"
    return name


def _width(text: str, size: int) -> int:
    return int(_font(size).getlength(text)) + 1


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font of matplotlib, which has letters of many scripts; Pillow's own where it is missing."""
    if (found := find_spec("matplotlib")) is not None and found.origin is not None:
        path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)

"""Writes drawings of a value into one file, SVG or PNG, side by side as far as there is room."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from automl_cli.core.errors import UserError
from automl_cli.reporting.drawings import picture_of
from automl_cli.reporting.image_files import check_image_file
from automl_cli.reporting.svg import FONT, Picture, colour, element, file_text, fitted, nested, text_width, words
from automl_cli.store.files import replace_file
from automl_cli.values.drawings import Drawing

MARGIN, GAP, TITLE = 16.0, 28.0, 26.0
"""Pixels around all, between drawings, and that a title takes."""
WIDEST = 900.0
"""Drawings stand in a row up to this width."""
TITLE_SIZE = 13.0
PIXELS = 2
"""Pixels of a PNG file for each of the drawing."""

DARK: Mapping[str, str] = {
    "ink": "#f4f4f5",
    "muted": "#a1a1aa",
    "line": "#3f3f46",
    "paper": "#18181b",
    "accent": "#60a5fa",
    "accent-2": "#fbbf24",
    "accent-3": "#34d399",
    "soft": "#27272a",
}
"""The colours of an SVG file where the viewer prefers dark ones."""


def write_drawings(drawings: Sequence[Drawing], path: Path) -> None:
    """Write the drawings as an SVG or PNG file, by the ending of its name.

    Raises UserError for another ending, where a file of that name is there which is no such image, and where the directory is
    missing.
    """
    check_image_file(path)
    text = svg_file(drawings)
    replace_file(path, png_of(text) if path.suffix.lower() == ".png" else text.encode())


def svg_file(drawings: Sequence[Drawing]) -> str:
    """Return the drawings as the text of an SVG file that stands alone, light or dark as its viewer prefers."""
    whole = _together([(drawing.title, picture_of(drawing)) for drawing in drawings])
    dark = "".join(f"--{name}:{value};" for name, value in DARK.items())
    style = element("style", f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}")
    paper = element("rect", width="100%", height="100%", fill=colour("paper"))
    label = ", ".join(drawing.title for drawing in drawings)
    return f"{file_text(whole._replace(body=style + paper + whole.body), label)}\n"


def png_of(text: str) -> bytes:
    """Return an SVG file with our colours as a PNG file: in light colours, and in a font that comes with matplotlib.

    Raises UserError where what draws it is not installed.
    """
    from matplotlib import get_data_path

    try:
        import resvg_py
    except ModuleNotFoundError as error:
        raise UserError(
            "PNG files need resvg-py: pip install 'resvg-py>=0.5,<0.6'; or name a file that ends in .svg"
        ) from error
    fixed = re.sub(r"var\(--[a-z0-9-]+, (#[0-9a-f]+)\)", r"\1", text)
    fonts = Path(get_data_path()) / "fonts" / "ttf"
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=re.sub("<style>.*?</style>", "", fixed).replace(FONT, "DejaVu Sans"),
            zoom=PIXELS,
            skip_system_fonts=True,
            font_files=[str(fonts / name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")],
            font_family="DejaVu Sans",
        )
    )


def _together(pictures: Sequence[tuple[str, Picture]]) -> Picture:
    """Return pictures with their titles: two in a row; of more, the first one beside all others, which are its parts."""
    first, others = _rows(pictures[:1]), _rows(pictures[1:])
    if len(pictures) <= 2:
        first, others = _rows(pictures), _rows(())
    width = first.width + (GAP + others.width if others.width else 0.0)
    body = nested(first, MARGIN, MARGIN) + (nested(others, MARGIN + first.width + GAP, MARGIN) if others.width else "")
    height = max(first.height, others.height)
    return Picture(float(math.ceil(width + 2 * MARGIN)), float(math.ceil(height + 2 * MARGIN)), body, width)


def _rows(pictures: Sequence[tuple[str, Picture]]) -> Picture:
    """Return pictures in rows, each below its title."""
    parts, x, y, tall, width = [], 0.0, 0.0, 0.0, 0.0
    for title, picture in pictures:
        room = max(picture.width, min(text_width(title, TITLE_SIZE) + 1, WIDEST))
        if x and x + room > WIDEST:
            x, y, tall = 0.0, y + tall + GAP, 0.0
        said = fitted(title, room, TITLE_SIZE)
        parts.append(words(said, x, y + TITLE_SIZE, font_size=TITLE_SIZE, font_weight=600))
        parts.append(nested(picture, x, y + TITLE))
        width, tall = max(width, x + room), max(tall, TITLE + picture.height)
        x += room + GAP
    return Picture(width, y + tall, "".join(parts), width)

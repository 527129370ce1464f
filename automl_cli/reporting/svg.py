"""Elements of SVG as text: escaped, without identifiers, in colours that the page around them may set.

A colour is the name of a CSS variable, with a value for where none is set: so a drawing follows its page into the dark.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Literal, NamedTuple

LIGHT: Mapping[str, str] = {
    "ink": "#1d1d1f",
    "muted": "#6b7280",
    "line": "#d4d4d8",
    "paper": "#fff",
    "accent": "#2563eb",
    "accent-2": "#d97706",
    "accent-3": "#059669",
    "soft": "#f1f5f9",
}
"""The colours by name, where nothing else is set."""

FONT = "system-ui, sans-serif"
FONT_SIZE = 12.0

_SIGNS_OF_WIDTH = {
    0.3: "'IJijl",
    0.35: " ,./:;\\f|",
    0.4: "-!()[]t",
    0.45: '"r',
    0.5: "*_`",
    0.55: "?Lcsz",
    0.6: "FPkvxy",
    0.7: "ABCRVXZ",
    0.75: "HNU",
    0.8: "&DGOQ",
    0.85: "#+<=>^~w×−",
    0.95: "M%",
    1.0: "@Wm",
}
_WIDTH_OF = {sign: width for width, signs in _SIGNS_OF_WIDTH.items() for sign in signs}
"""Widths of signs in DejaVu Sans, one of the widest fonts that a system has, in units of the font size."""
_OTHER_ASCII, _OTHER = 0.65, 1.0

Anchor = Literal["start", "middle", "end"]


class Picture(NamedTuple):
    """The inside of an `<svg>` element, and its size in pixels. Shown narrower than `least_width` it cannot be read."""

    width: float
    height: float
    body: str
    least_width: float


def colour(name: str) -> str:
    """Return a colour as CSS.

    >>> colour("accent")
    'var(--accent, #2563eb)'
    """
    return f"var(--{name}, {LIGHT[name]})"


def number(value: float) -> str:
    """Return a coordinate with at most one decimal.

    >>> number(3.0), number(2.25), number(-0.04)
    ('3', '2.2', '0')
    """
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def plain(text: str) -> str:
    """Return the text with a visible sign in place of each that cannot be printed: control characters, marks of direction.

    >>> plain("a\\x00b\\u202e")
    'a\\ufffdb\\ufffd'
    """
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


def text_width(text: str, size: float = FONT_SIZE) -> float:
    """Return how wide a text is at most, in pixels.

    >>> text_width("mm", 10.0)
    20.0
    """
    return size * sum(_WIDTH_OF.get(sign, _OTHER_ASCII if sign.isascii() else _OTHER) for sign in text)


def fitted(text: str, width: float, size: float = FONT_SIZE) -> str:
    """Return the text, cut with an ellipsis where it is wider.

    >>> fitted("layer", 100.0), fitted("m" * 20, 100.0, 10.0)
    ('layer', 'mmmmmmmmm…')
    """
    if text_width(text, size) <= width:
        return text
    room = width - text_width("…", size)
    kept = len(text)
    while kept and text_width(text[:kept], size) > room:
        kept -= 1
    return f"{text[:kept]}…"


def element(tag: str, content: str | None = None, **attributes: Any) -> str:
    """Return an element; an underscore in the name of an attribute is a hyphen, and None leaves it out."""
    said = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{number(value) if isinstance(value, float) else escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{said}/>" if content is None else f"<{tag}{said}>{content}</{tag}>"


def group(parts: Iterable[str], **attributes: Any) -> str:
    """Return elements in a group with attributes that hold for all of them."""
    return element("g", "".join(parts), **attributes)


def words(text: str, x: float, y: float, *, anchor: Anchor | None = None, **attributes: Any) -> str:
    """Return a line of text whose baseline is at y."""
    return element("text", escape(plain(text), quote=False), x=x, y=y, text_anchor=anchor, **attributes)


def path(*steps: str | float, **attributes: Any) -> str:
    """Return a path of commands and coordinates."""
    return element("path", d=route(*steps), **attributes)


def route(*steps: str | float) -> str:
    """Return commands and coordinates as the text of a path.

    >>> route("M", 0.0, 1.0, "L", 2.5, -1.0)
    'M0 1L2.5-1'
    """
    text, after_number = "", False
    for step in steps:
        if isinstance(step, str):
            text, after_number = text + step, False
        else:
            figure = number(step)
            text += f" {figure}" if after_number and not figure.startswith("-") else figure
            after_number = True
    return text


def fragment(picture: Picture, label: str) -> str:
    """Return the picture as an `<svg>` element that stands in a page: in its own width, or in that of the box around it, as
    long as it can be read."""
    style = f"max-width:100%;min-width:{number(picture.least_width)}px;height:auto"
    return _svg(picture, label, style=style)


def nested(picture: Picture, x: float, y: float) -> str:
    """Return the picture as a part of another one."""
    return element("svg", picture.body, x=x, y=y, width=picture.width, height=picture.height, overflow="hidden")


def file_text(picture: Picture, label: str) -> str:
    """Return the picture as the text of a file, in its own size."""
    return _svg(picture, label)


def _svg(picture: Picture, label: str, **attributes: Any) -> str:
    box = f"0 0 {number(picture.width)} {number(picture.height)}"
    return element(
        "svg",
        picture.body,
        xmlns="http://www.w3.org/2000/svg",
        width=picture.width,
        height=picture.height,
        viewBox=box,
        role="img",
        aria_label=plain(label),
        **attributes,
        font_family=FONT,
        font_size=FONT_SIZE,
        fill=colour("ink"),
    )

"""Draws the nodes of graphs and columns: boxes for operations, pills for what is read and put out, circles for joins."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from automl_cli.reporting.svg import colour, element, fitted, route, text_width, words
from automl_cli.values.drawings import Node

SMALL = 10.5
"""The font size of notes."""
ONE_LINE, TWO_LINES = 26.0, 38.0
"""Heights of boxes, in pixels."""
LEAST_WIDTH, MOST_WIDTH, MARGIN = 38.0, 230.0, 7.5
CIRCLE = 22.0
CORNER, ROUND = 6.0, 13.0
"""Radii of the corners of operations, and of what is read and put out."""
STACKED = 3.0
"""Pixels by which a box that stands for several shows those behind it."""
HEAD = 6.0
"""Pixels of an arrow's head."""


class Rectangle(NamedTuple):
    """Left and top edge of a box, and its size."""

    x: float
    y: float
    width: float
    height: float


def node_size(node: Node) -> tuple[float, float]:
    """Return width and height of a node."""
    if node.form == "join" and len(node.label) == 1:
        return CIRCLE, CIRCLE
    note = "" if node.form == "join" else node.note
    inside = max(text_width(_label(node)), text_width(note, SMALL)) + 2 * MARGIN
    height = CIRCLE if node.form == "join" else TWO_LINES if note else ONE_LINE
    return min(max(LEAST_WIDTH, inside), MOST_WIDTH), height


def drawn_node(node: Node, at: Rectangle) -> Iterator[str]:
    """Yield the elements of a node."""
    middle = at.x + at.width / 2
    if node.form == "join":
        size = 15.0 if len(node.label) == 1 else SMALL
        yield _box(at, at.height / 2, fill=colour("ink"))
        y = at.y + at.height / 2 + 0.34 * size
        yield words(node.label, middle, y, anchor="middle", fill=colour("paper"), font_size=size)
        return
    if node.repeats > 1:
        for behind in (2, 1):
            moved = at._replace(x=at.x + behind * STACKED, y=at.y - behind * STACKED)
            yield _box(moved, CORNER, fill=colour("soft"), stroke=colour("muted"))
    fill, dashes = ("paper", "3 2") if node.form == "light" else ("soft", None)
    corner = ROUND if node.form == "state" else CORNER
    stroke = colour("ink" if node.form == "state" else "muted")
    yield _box(at, corner, fill=colour("paper" if node.form == "state" else fill), stroke=stroke, stroke_dasharray=dashes)
    yield from _lines(node, at)


def _label(node: Node) -> str:
    return f"{node.repeats} × {node.label}" if node.repeats > 1 else node.label


def _lines(node: Node, at: Rectangle) -> Iterator[str]:
    middle, room = at.x + at.width / 2, at.width - MARGIN
    label = fitted(_label(node), room)
    if not node.note:
        yield words(label, middle, at.y + at.height / 2 + 4.2, anchor="middle")
        return
    yield words(label, middle, at.y + at.height / 2 - 2.5, anchor="middle")
    note = fitted(node.note, room, SMALL)
    yield words(note, middle, at.y + at.height / 2 + 11.5, anchor="middle", fill=colour("muted"), font_size=SMALL)


def _box(at: Rectangle, corner: float, **attributes: Any) -> str:
    return element("rect", x=at.x, y=at.y, width=at.width, height=at.height, rx=corner, **attributes)


def heads(tips: list[tuple[float, float]], toward: str, **attributes: Any) -> str:
    """Return arrow heads with their tips at these points: `up`, `down`, `left` or `right`."""
    half = HEAD / 2
    steps = {
        "up": ("l", -half, HEAD, "h", HEAD, "z"),
        "down": ("l", -half, -HEAD, "h", HEAD, "z"),
        "left": ("l", HEAD, -half, "v", HEAD, "z"),
        "right": ("l", -HEAD, -half, "v", HEAD, "z"),
    }[toward]
    d = "".join(route("M", x, y, *steps) for x, y in tips)
    return element("path", d=d, **attributes)

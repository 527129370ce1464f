"""What tests read out of SVG: boxes, texts, and the points of paths."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from typing import NamedTuple
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d*\.?\d+")


class Rect(NamedTuple):
    """A box of an operation, a state or a join."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: "Rect", margin: float = 0.0) -> bool:
        """Whether two boxes are nearer than the margin."""
        apart_x = self.x + self.width + margin <= other.x or other.x + other.width + margin <= self.x
        return not (apart_x or self.y + self.height + margin <= other.y or other.y + other.height + margin <= self.y)

    def holds(self, point: tuple[float, float]) -> bool:
        """Whether a point lies inside, farther than two pixels from the edge."""
        x, y = point
        return self.x + 2 < x < self.x + self.width - 2 and self.y + 2 < y < self.y + self.height - 2


@cache
def parsed(svg: str) -> ElementTree.Element:
    """The root of a text that is well-formed XML."""
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return root


def texts(svg: str) -> list[str]:
    """All texts, in order."""
    return [element.text or "" for element in parsed(svg).iter(f"{SVG}text")]


def boxes(svg: str) -> list[Rect]:
    """The boxes in front: not those that a box which stands for several shows behind it."""
    found = [
        Rect(*(float(box.attrib[name]) for name in ("x", "y", "width", "height"))) for box in parsed(svg).iter(f"{SVG}rect")
    ]
    behind = {(box.x + at, box.y - at, box.width, box.height) for box in found for at in (3.0, 6.0)}
    return [box for box in found if tuple(box) not in behind]


def size(svg: str) -> tuple[float, float]:
    """Width and height of the picture."""
    left, top, width, height = map(float, parsed(svg).attrib["viewBox"].split())
    assert (left, top) == (0, 0)
    return width, height


def overlapping(svg: str) -> list[tuple[Rect, Rect]]:
    """Pairs of boxes that lie over each other."""
    return [(one, other) for one, other in combinations(boxes(svg), 2) if one.overlaps(other)]


def lines(svg: str) -> list[list[tuple[float, float]]]:
    """The points of every path that is a line, not an area."""
    root = parsed(svg)
    groups = [group for group in root.iter(f"{SVG}g") if group.get("fill") == "none"]
    paths = [path for group in groups for path in group.iter(f"{SVG}path")]
    return [list(points(path.attrib["d"])) for path in paths]


def points(d: str) -> Iterator[tuple[float, float]]:
    """Points along a path of M, L, H, V, Q and C, close to each other."""
    at = (0.0, 0.0)
    for command, rest in re.findall(r"([MLHVQC])([^MLHVQC]*)", d):
        numbers = [float(number) for number in NUMBER.findall(rest)]
        if command == "H":
            numbers = [numbers[0], at[1]]
        elif command == "V":
            numbers = [at[0], numbers[0]]
        control = [at, *zip(numbers[::2], numbers[1::2], strict=True)]
        if command == "M":
            yield control[-1]
        else:
            yield from (bezier(control, step / 24) for step in range(1, 25))
        at = control[-1]


def bezier(control: list[tuple[float, float]], share: float) -> tuple[float, float]:
    """The point of a curve at a share of its way."""
    while len(control) > 1:
        control = [(x + share * (to_x - x), y + share * (to_y - y)) for (x, y), (to_x, to_y) in pairwise(control)]
    return control[0]

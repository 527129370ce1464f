"""Moves boxes and polygons of a picture by the steps of a policy.

Points are (x, y) in pixels from the left upper corner of the picture, so that pixel i covers i to i + 1, as in COCO. A step
that moves pixels is an affine map, the one by which Pillow places them; what leaves the picture is cut off after each step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from automl_cli.data.pillow_policy import Step

Point = tuple[float, float]
Size = tuple[int, int]
"""Width and height."""

Matrix = tuple[float, float, float, float, float, float]
"""(a, b, c, d, e, f): the point (x, y) goes to (a x + b y + c, d x + e y + f)."""


def moves(step: Step) -> bool:
    """Return whether a step moves pixels.

    >>> moves(("Rotate", 10.0, ())), moves(("Cutout", (0, 0, 2, 2), ()))
    (True, False)
    """
    return step[0] in _MATRICES


def for_mask(step: Step) -> Step:
    """Return a step that moves pixels as it is done to a mask: no values are mixed, and 0 comes in from outside."""
    name, argument, _ = step
    return "EnlargeMask" if name == "Enlarge" else name, argument, (0, 0, 0)


def moved(polygon: Sequence[Point], steps: Iterable[Step], size: Size) -> list[Point]:
    """Return the part of a polygon that is left inside a picture of this size after the steps; no point where nothing is.

    >>> moved([(0, 0), (4, 0), (4, 2), (0, 2)], [("TranslateX", 1.0, ())], (8, 8))
    [(0.0, 0.0), (3.0, 0.0), (3.0, 2.0), (0.0, 2.0)]
    """
    left = [(float(x), float(y)) for x, y in polygon]
    for step in steps:
        if moves(step):
            a, b, c, d, e, f = _MATRICES[step[0]](step[1], size)
            left = clipped([(a * x + b * y + c, d * x + e * y + f) for x, y in left], size)
    return left if area(left) > 0 else []


def corners(box: Sequence[float]) -> list[Point]:
    """Return the corners of a box (left, top, width, height) in their order around it."""
    left, top, width, height = box
    return [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]


def hull(polygon: Sequence[Point]) -> tuple[float, float, float, float]:
    """Return the smallest upright box (left, top, width, height) around the points.

    >>> hull([(1.0, 5.0), (3.0, 2.0), (2.0, 2.5)])
    (1.0, 2.0, 2.0, 3.0)
    """
    xs, ys = zip(*polygon, strict=True)
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def area(polygon: Sequence[Point]) -> float:
    """Return the area of a polygon.

    >>> area([(0, 0), (4, 0), (4, 2), (0, 2)])
    8.0
    """
    following = (*polygon[1:], *polygon[:1])
    return abs(sum(x * below - right * y for (x, y), (right, below) in zip(polygon, following, strict=True))) / 2


def clipped(polygon: Sequence[Point], size: Size) -> list[Point]:
    """Return the part of a polygon inside a picture of this size (Sutherland and Hodgman 1974), side by side of the picture."""
    left = list(polygon)
    for axis, length in enumerate(size):
        for bound, sign in ((0.0, 1.0), (float(length), -1.0)):
            left = _on_one_side(left, axis, bound, sign)
    return left


def _on_one_side(polygon: list[Point], axis: int, bound: float, sign: float) -> list[Point]:
    """Return the part where sign * (coordinate - bound) is at least 0."""
    kept: list[Point] = []
    for start, end in zip([*polygon[-1:], *polygon[:-1]], polygon, strict=True):
        before, after = (sign * (point[axis] - bound) for point in (start, end))
        if (before < 0) != (after < 0):
            share = before / (before - after)
            across = start[1 - axis] + share * (end[1 - axis] - start[1 - axis])
            kept.append((bound, across) if axis == 0 else (across, bound))
        if after >= 0:
            kept.append(end)
    return kept


def _rotation(degrees: float, size: Size) -> Matrix:
    """Return the rotation counter-clockwise, as one sees it, about the centre; y points down."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = size[0] / 2, size[1] / 2
    return cosine, sine, x - cosine * x - sine * y, -sine, cosine, y + sine * x - cosine * y


def _enlargement(window: tuple[int, int, int, int], size: Size) -> Matrix:
    width, height, left, top = window
    return width / size[0], 0, -left, 0, height / size[1], -top


_MATRICES: Mapping[str, Callable[[Any, Size], Matrix]] = {
    "Flip": lambda _, size: (-1, 0, size[0], 0, 1, 0),
    "Crop": lambda move, _: (1, 0, move[0], 0, 1, move[1]),
    "Enlarge": _enlargement,
    "ShearX": lambda slope, _: (1, -slope, 0, 0, 1, 0),
    "ShearY": lambda slope, _: (1, 0, 0, -slope, 1, 0),
    "TranslateX": lambda pixels, _: (1, 0, -pixels, 0, 1, 0),
    "TranslateY": lambda pixels, _: (1, 0, 0, 0, 1, -pixels),
    "Rotate": _rotation,
}
"""(argument, size) -> where a point goes, for the steps that move pixels."""

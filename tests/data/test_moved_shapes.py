"""Boxes and polygons move as pixels do: corners computed by hand, and masks moved by Pillow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from automl_cli.data.moved_shapes import area, clipped, corners, for_mask, hull, moved
from automl_cli.data.pillow_policy import apply

NOTHING = (0, 0, 0)
SIZE = (60, 40)
BOX = (10, 8, 20, 12)
"""Left, top, width and height: x from 10 to 30, y from 8 to 20."""


@pytest.mark.parametrize(
    ("steps", "wanted"),
    [
        ([("TranslateX", 4.5)], (5.5, 8, 20, 12)),
        ([("TranslateX", 15.0)], (0, 8, 15, 12)),  # from -5 to 15, cut at 0
        ([("TranslateY", -25.0)], (10, 33, 20, 7)),  # from 33 to 45, cut at 40
        ([("Flip", None)], (30, 8, 20, 12)),  # from 60 - 30 to 60 - 10
        ([("Crop", (3, -2))], (13, 6, 20, 12)),
        ([("Rotate", 180.0)], (30, 20, 20, 12)),  # from (60 - 30, 40 - 20) to (60 - 10, 40 - 8)
        ([("Rotate", 90.0)], (18, 20, 12, 20)),  # (x, y) to (10 + y, 50 - x): (10, 8) to (18, 40), (30, 20) to (30, 20)
        ([("ShearX", 0.25)], (5, 8, 23, 12)),  # x - y / 4: from 10 - 5 to 30 - 2
        ([("ShearY", -0.5)], (10, 13, 20, 22)),  # y + x / 2: from 8 + 5 to 20 + 15
        ([("Enlarge", (75, 50, 5, 10))], (7.5, 0, 25, 15)),  # 1.25 (x, y) - (5, 10)
        ([("Cutout", (0, 0, 60, 40)), ("Color", 0.1)], BOX),
        ([("TranslateY", 10.0), ("TranslateY", -10.0)], (10, 10, 20, 10)),  # what left the picture does not come back
    ],
    ids=str,
)
def test_boxes_move_by_hand(steps, wanted):
    left = moved(corners(BOX), [(*step, NOTHING) for step in steps], SIZE)
    assert hull(left) == pytest.approx(wanted)


@pytest.mark.parametrize("step", [("TranslateX", 30.0), ("TranslateY", -32.0), ("ShearX", 4.0)], ids=str)
def test_of_what_leaves_the_picture_nothing_is_left(step):
    assert moved(corners(BOX), [(*step, NOTHING)], SIZE) == []


def test_a_polygon_is_cut_at_the_border():
    triangle = [(-10, 20), (10, 10), (10, 30)]
    left = clipped(triangle, SIZE)
    assert area(left) == pytest.approx(150)  # of 200, the tip of a quarter is cut off
    assert hull(left) == pytest.approx((0, 10, 10, 20))


STEPS = st.one_of(
    st.tuples(st.sampled_from(["ShearX", "ShearY"]), st.floats(-0.3, 0.3)),
    st.tuples(st.sampled_from(["TranslateX", "TranslateY"]), st.floats(-20, 20)),
    st.tuples(st.just("Rotate"), st.floats(-180, 180)),
    st.tuples(st.just("Flip"), st.none()),
    st.tuples(st.just("Crop"), st.tuples(st.integers(-5, 5), st.integers(-5, 5))),
    st.tuples(st.just("Enlarge"), st.tuples(st.just(75), st.just(50), st.integers(0, 15), st.integers(0, 10))),
)


@given(st.lists(STEPS, min_size=1, max_size=2), st.integers(0, 40), st.integers(0, 20), st.integers(4, 20), st.integers(4, 20))
def test_a_box_lies_around_its_own_pixels(steps, left, top, width, height):
    """The pixels of a box, moved by Pillow with the nearest neighbour, end within a pixel a step of the moved box."""
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[top : top + height, left : left + width] = 255
    picture = Image.fromarray(mask)
    done = [(*step, NOTHING) for step in steps]
    for step in done:
        picture = apply(for_mask(step), picture)
    assert set(np.unique(np.asarray(picture))) <= {0, 255}
    rows, columns = np.nonzero(np.asarray(picture))
    polygon = moved(corners((left, top, min(width, 60 - left), min(height, 40 - top))), done, SIZE)
    if not polygon:
        assert len(rows) <= 120  # at most a line of pixels along the border, for each step
        return
    x, y, wide, high = hull(polygon)
    if len(rows) == 0:
        assert min(wide, high) <= len(steps)
        return
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    tolerance = len(steps) + 1e-6
    assert min(found[0] - x, found[1] - y, x + wide - found[2], y + high - found[3]) >= -tolerance
    assert area(polygon) == pytest.approx(len(rows), abs=len(steps) * (2 * (wide + high) + 8))

"""The order of the axes of arrays: whether the channels of (examples, a, b, c) stand first or last.

A reading is plausible if the picture has at least 4 pixels on either side, and at most 4 channels or fewer channels than
pixels on either side. If just one reading is plausible, it holds; if none is, 2 pixels on either side will do. Otherwise the
user says which.
"""

from __future__ import annotations

from typing import Literal, get_args

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.values.dataset import SIZE_LIMITS

ArrayLayout = Literal["nhwc", "nchw"]
USUAL_CHANNELS = 4


def layout_of(shape: tuple[int, ...], given: ArrayLayout | None, where: str) -> ArrayLayout:
    """Return the layout of arrays of this shape: the given one, else the only plausible one.

    Raises DataError where both readings or none are plausible.

    >>> layout_of((240, 3, 8, 8), None, "x"), layout_of((240, 28, 28, 1), None, "x"), layout_of((240, 8, 8), None, "x")
    ('nchw', 'nhwc', 'nhwc')
    """
    if given is not None or len(shape) == 3:
        return given or "nhwc"
    for least in (SIZE_LIMITS[0], 2):
        plausible = [layout for layout in _LAYOUTS if _is_plausible(picture_shape(shape, layout), least)]
        if len(plausible) == 1:
            return plausible[0]
    readings = " or ".join(f"{_in_words(picture_shape(shape, layout))} (--layout {layout})" for layout in _LAYOUTS)
    raise DataError(f"{where} has shape {shape}: {readings}? Say which")


def picture_shape(shape: tuple[int, ...], layout: ArrayLayout) -> tuple[int, int, int]:
    """Return (height, width, channels) of the pictures in an array of this shape.

    >>> picture_shape((240, 3, 16, 20), "nchw"), picture_shape((240, 16, 20), "nchw")
    ((16, 20, 3), (16, 20, 1))
    """
    if len(shape) == 3:
        return shape[1], shape[2], 1
    _, first, middle, last = shape
    return (first, middle, last) if layout == "nhwc" else (middle, last, first)


_LAYOUTS: tuple[ArrayLayout, ...] = get_args(ArrayLayout)


def _is_plausible(shape: tuple[int, int, int], least: int) -> bool:
    height, width, channels = shape
    return min(height, width) >= least and (channels <= USUAL_CHANNELS or channels < min(height, width))


def _in_words(shape: tuple[int, int, int]) -> str:
    height, width, channels = shape
    return f"{height}×{width} pixels of {counted(channels, 'channel')}"

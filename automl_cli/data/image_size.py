"""The size of prepared pictures where none is given."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from automl_cli.core.numbers import by_times, counted
from automl_cli.data.decoding import traits
from automl_cli.values.dataset import SIZE_LIMITS

USUAL_SIDE = 32
"""Side of the squares to which pictures of several sizes are brought, unless most of them are smaller: a quick search of them
takes about two minutes."""


def common_size(extents: np.ndarray, given: tuple[int, int] | None) -> tuple[int, int]:
    """Return the (height, width) to which pictures of these sizes, (pictures, 2), are brought.

    It is the given one; else their own if all have one of at most `SIZE_LIMITS`; else a square by `chosen_side`.

    >>> common_size(np.array([(20, 26), (20, 26)]), None), common_size(np.array([(20, 26), (48, 64)]), None)
    ((20, 26), (32, 32))
    """
    if given is not None:
        return given
    if (extents == extents[0]).all() and extents[0].max() <= SIZE_LIMITS[1]:
        return int(extents[0, 0]), int(extents[0, 1])
    side = chosen_side(extents)
    return side, side


def size_by_first(pictures: Sequence[bytes]) -> tuple[tuple[int, int], str]:
    """Return the (height, width) to which all pictures of a set are brought, judged by these, its first ones, and a note on it.

    Raises DataError for a broken one.
    """
    found = np.array([traits(io.BytesIO(data), f"picture {number}")[:2] for number, data in enumerate(pictures)])
    least, most = (by_times(extreme(found, axis=0).tolist()) for extreme in (np.min, np.max))
    size = common_size(found, None)
    return size, (
        f"the first {counted(len(found), 'picture')} of {least} to {most} pixels: all are brought to {by_times(size)}; "
        "--image-size chooses another size"
    )


def chosen_side(extents: np.ndarray) -> int:
    """Return the side of the squares to which pictures of these (height, width) are brought where no size is given.

    It is 32, or the middle one of their shorter sides where that is less, rounded down to a multiple of 4.

    >>> chosen_side(np.array([(480, 640), (90, 60)])), chosen_side(np.array([(20, 26), (22, 30), (90, 60)]))
    (32, 20)
    """
    middle = int(np.median(extents.min(axis=1)))
    return min(USUAL_SIDE, max(SIZE_LIMITS[0], middle // 4 * 4))

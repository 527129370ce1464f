"""The numbers that are black and white in arrays of pixels, and their bytes.

Bytes (uint8) are taken as they are. Other numbers become bytes by one range for the whole set, all parts of it: the first of
`KNOWN_RANGES` that holds all numbers and that they fill, so that the largest lies in its upper half, and where it begins below
0 the smallest in its lowest quarter. Numbers of any other range need a range from the user.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from automl_cli.core.errors import DataError

KNOWN_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 65535.0))
"""Fractions, fractions around 0, bytes, and whole numbers of 16 bits."""

ROUNDING = 1e-6
"""Share of a range by which floating-point numbers may lie outside of it."""


class Extremes(NamedTuple):
    """The smallest and largest finite number of some pictures; how many of these hold NaN or infinity, and the first."""

    low: float
    high: float
    not_finite: int
    first_not_finite: int


NONE_SEEN = Extremes(np.inf, -np.inf, 0, 0)


def with_more(seen: Extremes, start: int, images: np.ndarray) -> Extremes:
    """Return the extremes of what was seen and of these images (examples, …), which begin at number `start`."""
    if images.dtype.kind != "f":
        return seen._replace(low=min(seen.low, float(images.min())), high=max(seen.high, float(images.max())))
    low, high = images.min(), images.max()  # NaN and infinities show in one of them, and are rare
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = np.isfinite(images)
        spoilt = np.flatnonzero(~finite.reshape(len(images), -1).all(axis=1))
        first = seen.first_not_finite if seen.not_finite else start + int(spoilt[0])
        seen = seen._replace(not_finite=seen.not_finite + len(spoilt), first_not_finite=first)
        low, high = images.min(where=finite, initial=np.inf), images.max(where=finite, initial=-np.inf)
    return seen._replace(low=min(seen.low, float(low)), high=max(seen.high, float(high)))


def range_of(low: float, high: float, dtype: np.dtype[Any], where: str) -> tuple[float, float]:
    """Return the known range of numbers from `low` to `high`. Raises DataError for any other.

    >>> range_of(0.0, 0.98, np.dtype("float32"), "x"), range_of(3, 254, np.dtype("int64"), "x")
    ((0.0, 1.0), (0.0, 255.0))
    """
    for known in KNOWN_RANGES:
        least, most = known
        slack = ROUNDING * (most - least)
        inside = least - slack <= low and high <= most + slack
        filled = high > (least + most) / 2 and (least == 0 or low <= least + (most - least) / 4)
        allowed = dtype.kind != "f" if most > 255 else dtype.kind == "f" or most == 255
        if inside and filled and allowed:
            return known
    allowed_ones = "0 to 255, 16-bit whole numbers" if dtype.kind != "f" else "0 to 1, -1 to 1, 0 to 255"
    raise DataError(
        f"{where} holds {dtype} from {low:g} to {high:g}, which fill no known range ({allowed_ones}); "
        f"say which numbers are black and white, such as --pixel-range {low:g},{high if high > low else low + 1:g}"
    )


def as_bytes(images: np.ndarray, black_and_white: tuple[float, float]) -> np.ndarray:
    """Return the images as uint8 of the same shape: linear from black 0 to white 255, rounded; numbers outside are cut off.

    >>> as_bytes(np.array([0.0, 0.5, 1.0]), (0.0, 1.0)).tolist(), as_bytes(np.array([-1, 65535, 257]), (0.0, 65535.0)).tolist()
    ([0, 128, 255], [0, 255, 1])
    """
    low, high = black_and_white
    scaled = (images.astype(np.float64) - low) * (255 / (high - low))
    return np.rint(scaled).clip(0, 255).astype(np.uint8)

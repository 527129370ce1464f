"""Arguments of operations as integers: what a compiled program needs, computed with NumPy in double precision on the host.

Every operation has `PARAMETERS` numbers of int32, so that a policy is one array. Slot `FILL` holds the colour of pixels moved
in from outside, four bytes of one number; slot `ZERO` is always 0, which the compiler of a program cannot know.
"""

import math

import numpy as np

from automl_cli.core.errors import UserError
from automl_cli.values.policy import OperationName

PARAMETERS = 8
FILL, ZERO = 6, 7

Shape = tuple[int, int, int]
"""Height, width and channels of an image."""

LONGEST_SIDE = 2**15 - 1
"""Pixels of the longest side: Pillow's positions have 16 bits before the point and 16 behind it."""


def operation_parameters(name: OperationName, argument: float, *, shape: Shape, fill: tuple[int, ...] = (0,)) -> np.ndarray:
    """Return what an operation needs for one argument on images (height, width, channels): (slots,) int32.

    `fill` has a number for each channel, or is one of another length, of which every channel gets the first. Raises UserError
    for images that are too large.
    """
    height, width, channels = shape
    if max(height, width) > LONGEST_SIDE:
        raise UserError(f"images are {height} x {width} pixels; scale them down to sides of at most {LONGEST_SIDE}")
    numbers = np.zeros(PARAMETERS, np.int32)
    own = _own_parameters(name, argument, height, width)
    numbers[: len(own)] = own
    numbers[FILL] = packed_fill(fill, channels)
    return numbers


def packed_fill(fill: tuple[int, ...], channels: int) -> int:
    """Return a colour as the four bytes of a 32-bit number, the first channel in the lowest.

    >>> hex(packed_fill((1, 2, 3), channels=3)), hex(packed_fill((1, 2, 3), channels=1))
    ('0x1030201', '0x1010101')
    """
    colour = (*fill, fill[0]) if len(fill) == channels <= 4 else (fill[0],) * 4
    return int(np.array((colour * 4)[:4], np.uint8).view(np.int32)[0])


def _own_parameters(name: OperationName, argument: float, height: int, width: int) -> list[int]:
    """Return the numbers of an operation without its fill."""
    if name in ("Contrast", "Color", "Brightness", "Sharpness", "SamplePairing"):
        return [int(np.float32(argument).view(np.int32))]
    if name == "Solarize":
        return [math.ceil(argument)]
    if name == "Posterize":
        return [(255 << (8 - int(argument))) & 255]
    if name == "Cutout":
        return [int(argument)]
    if name == "TranslateX":
        return _translation(argument, width)
    if name == "TranslateY":
        return _translation(argument, height)
    if name == "ShearX":
        return _fixed((1, argument, 0, 0, 1, 0))[2:0:-1]
    if name == "ShearY":
        return _fixed((1, 0, 0, argument, 1, 0))[5:2:-2]
    return _rotation(argument, height, width) if name == "Rotate" else []


def _translation(pixels: float, side: int) -> list[int]:
    """Return a shift and the position from which on it is one more, for `side` pixels.

    Pillow adds 1 to a position pixel by pixel in double precision; where the sum is rounded up to a whole number, the shift
    grows by one and stays so.
    """
    limited = max(-side - 1.0, min(side + 1.0, float(pixels)))
    positions = np.add.accumulate(np.concatenate([[limited + 0.5], np.ones(side - 1)]))
    shifts = np.floor(positions).astype(np.int64) - np.arange(side)
    return [int(shifts[0]), int((shifts == shifts[0]).sum())]


def _rotation(degrees: float, height: int, width: int) -> list[int]:
    """Return the fixed-point matrix of a rotation counter-clockwise about the centre."""
    angle = -math.radians(degrees % 360.0)
    cosine, sine = round(math.cos(angle), 15), round(math.sin(angle), 15)
    x, y = width / 2, height / 2
    across = cosine * -x + sine * -y + 0.0 + x
    down = -sine * -x + cosine * -y + 0.0 + y
    return _fixed((cosine, sine, across, round(-math.sin(angle), 15), cosine, down))


def _fixed(matrix: tuple[float, float, float, float, float, float]) -> list[int]:
    """Return the coefficients of an affine map as multiples of 1/65536, its constants for the centre of pixel (0, 0)."""
    a, b, c, d, e, f = matrix
    starts = (c + a * 0.5 + b * 0.5, f + d * 0.5 + e * 0.5)
    return [math.floor(value * 65536.0 + 0.5) for value in (a, b, starts[0], d, e, starts[1])]

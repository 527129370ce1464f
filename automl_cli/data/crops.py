"""Windows of pictures for training and evaluation: the crops that papers of this line call Inception preprocessing.

Training: a window whose share of the picture's area is drawn uniformly from 8 % to 100 % and whose width is 3/4 to 4/3 of its
height (Szegedy et al., arXiv 1409.4842, section 6), at a random position, mirrored for one picture in two if the data set
allows it. Evaluation: the middle, 7/8 of the shorter side (224 pixels of 256; 0.875 in the code released with NASNet).

Differs from the released code: that code draws areas from 5 % on, and the aspect uniformly instead of its logarithm, which
favours wide windows; if none of 100 draws fits, as in a long strip, it takes the whole picture, and this module the largest
window of a permitted aspect; outside training it keeps 7/8 of both sides and changes the aspect. The paper decides where they
disagree, and a network is not shown a squeezed picture, on which it was never trained.
"""

import math
from typing import NamedTuple

import numpy as np

AREA = (0.08, 1.0)
"""Least and largest share of the picture's area (arXiv 1409.4842, section 6)."""

ASPECT = (3 / 4, 4 / 3)
"""Least and largest width over height of a window (arXiv 1409.4842, section 6)."""

ATTEMPTS = 100
"""Windows that are drawn at most in search of one that fits (released code, `max_attempts`)."""

CENTRE = 0.875
"""Share of the shorter side that is used outside training (released code, `central_fraction`)."""


class Box(NamedTuple):
    """A window of a picture, in pixels from its upper left corner; right and bottom are the first pixels outside."""

    left: float
    top: float
    right: float
    bottom: float


def random_box(height: int, width: int, random: np.random.Generator) -> Box:
    """Return a random window for training, of whole pixels inside the picture."""
    for _ in range(ATTEMPTS):
        area = random.uniform(*AREA) * height * width
        aspect = math.exp(random.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        columns, rows = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < columns <= width and 0 < rows <= height:
            left, top = int(random.integers(width - columns + 1)), int(random.integers(height - rows + 1))
            return Box(left, top, left + columns, top + rows)
    aspect = min(max(width / height, ASPECT[0]), ASPECT[1])
    columns, rows = round(min(width, height * aspect)), round(min(height, width / aspect))
    left, top = (width - columns) // 2, (height - rows) // 2
    return Box(left, top, left + columns, top + rows)


def central_box(height: int, width: int, *, aspect: float) -> Box:
    """Return the window for evaluation; `aspect` is its width over height.

    >>> central_box(256, 512, aspect=1.0)
    Box(left=144.0, top=16.0, right=368.0, bottom=240.0)
    """
    columns = CENTRE * min(width, height * aspect)
    rows = columns / aspect
    left, top = (width - columns) / 2, (height - rows) / 2
    return Box(left, top, left + columns, top + rows)

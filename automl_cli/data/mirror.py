"""Whether mirrored training pictures look like pictures of another class: digits and letters do, animals do not.

A picture is described by its brightness in 8×8 cells and by the directions of its edges in 4×4 cells, and takes the class of
its nearest neighbour among the other pictures. If mirrored pictures are put into their own class much less often than the
pictures themselves, mirroring makes another class of them, and a mirrored picture is no good example.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

MOST_EXAMPLES = 2_000
CELLS, EDGE_CELLS, DIRECTIONS = 8, 4, 8
LARGE = 64
"""Pixels of the shorter side above which rows and columns are left out."""

LEAST_LOSS = 0.25
"""Share of the pictures recognised better than by chance that must be lost before mirroring is advised against."""

ERRORS = 4.0
"""Standard errors by which the loss must exceed 0."""


class MirrorCheck(Struct, frozen=True, kw_only=True):
    """Shares of training pictures, and of the same pictures mirrored, whose nearest neighbour is of their class."""

    examples: int
    recognised: float
    recognised_mirrored: float
    by_chance: float

    @property
    def advises_no_flip(self) -> bool:
        """Whether so much is lost that mirrored pictures should not train."""
        loss, better = self.recognised - self.recognised_mirrored, self.recognised - self.by_chance
        error = np.sqrt(
            (self.recognised * (1 - self.recognised) + self.recognised_mirrored * (1 - self.recognised_mirrored))
            / self.examples
        )
        return bool(loss > LEAST_LOSS * better and loss > ERRORS * error)


def mirror_check(images: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> MirrorCheck:
    """Compare pictures with their mirrored selves, on at most `MOST_EXAMPLES` of them, drawn at random.

    `images` are (examples, height, width, channels), `labels` (examples,).
    """
    chosen = np.sort(np.random.default_rng(seed).permutation(len(labels))[:MOST_EXAMPLES])
    step = max(1, min(images.shape[1:3]) // LARGE)
    pictures = np.stack([images[row, ::step, ::step].astype(np.float32).mean(axis=-1) for row in chosen])
    known = np.asarray(labels)[chosen]
    plain = descriptions(pictures)
    spread = plain.std(axis=0) + 1e-6
    mirrored = descriptions(pictures[:, :, ::-1]) / spread
    plain /= spread
    counts = np.bincount(known)
    return MirrorCheck(
        examples=len(known),
        recognised=float((known[_nearest(plain, plain)] == known).mean()),
        recognised_mirrored=float((known[_nearest(mirrored, plain)] == known).mean()),
        by_chance=float(np.square(counts / len(known)).sum()),
    )


def descriptions(pictures: np.ndarray) -> np.ndarray:
    """Return a description of each picture: brightness and edge directions by cell, float32 (examples, features).

    `pictures` are (examples, height, width), floating-point.
    """
    pictures = np.pad(pictures, [(0, 0), *((0, max(0, 2 - side)) for side in pictures.shape[1:])], "edge")  # edges need two
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    centred /= pictures.std(axis=(1, 2), keepdims=True) + 1e-3
    down, across = np.gradient(centred, axis=(1, 2))
    strength = np.hypot(down, across)
    sector = np.floor((np.arctan2(down, across) / np.pi % 1) * DIRECTIONS).astype(int) % DIRECTIONS
    edges = [_by_cell(np.where(sector == direction, strength, 0), EDGE_CELLS) for direction in range(DIRECTIONS)]
    joined: np.ndarray = np.concatenate([_by_cell(centred, CELLS), *edges], axis=1).astype(np.float32)
    return joined


def _by_cell(values: np.ndarray, cells: int) -> np.ndarray:
    """Return the means of (examples, height, width) in a grid, (examples, rows times columns)."""
    for axis in (1, 2):
        size = values.shape[axis]
        starts = np.arange(min(cells, size)) * size // min(cells, size)
        widths = np.diff(np.append(starts, size))
        values = np.add.reduceat(values, starts, axis=axis) / np.expand_dims(widths, (0, 3 - axis))
    return values.reshape(len(values), -1)


def _nearest(queries: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for every row the nearest other row, not the one of the same number, (examples,)."""
    found = np.empty(len(queries), int)
    squares = np.square(others).sum(axis=1)
    for start in range(0, len(queries), 500):
        rows = np.arange(start, min(start + 500, len(queries)))
        distances = squares - 2 * queries[rows] @ others.T
        distances[np.arange(len(rows)), rows] = np.inf
        found[rows] = distances.argmin(axis=1)
    return found

"""Pictures with the same pixels as others: copies across the splits, and the same picture in two classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from automl_cli.core.numbers import counted
from automl_cli.data.contents import contents_of
from automl_cli.data.images import ImageSplit


class Alike(Struct, frozen=True):
    """Counts of pictures that have the same pixels as an earlier one, and of different pictures that stand in several splits
    and in several classes."""

    copies: int
    in_several_splits: int
    in_several_classes: int

    def in_words(self) -> str:
        """Return a sentence about the copies.

        >>> Alike(0, 0, 0).in_words()
        'no two pictures have the same pixels'
        >>> Alike(3, 1, 0).in_words()
        '3 pictures have the same pixels as another; 1 stands in several splits, 0 in several classes'
        """
        if not self.copies:
            return "no two pictures have the same pixels"
        verb = "has" if self.copies == 1 else "have"
        stand = "stands" if self.in_several_splits == 1 else "stand"
        return (
            f"{counted(self.copies, 'picture')} {verb} the same pixels as another; "
            f"{self.in_several_splits:,} {stand} in several splits, {self.in_several_classes:,} in several classes"
        )


def alike_in(splits: Mapping[str, ImageSplit]) -> Alike:
    """Return how many pictures of these splits are alike, by a digest of the pixels that a network sees."""
    digests = [contents_of(split.images) for split in splits.values()]
    found, which = np.unique(np.concatenate(digests), return_inverse=True)
    parts = np.repeat(np.arange(len(digests)), [len(digest) for digest in digests])
    labels = np.concatenate([split.labels for split in splits.values()])
    several = [_several(which, value, len(found)) for value in (parts, labels)]
    return Alike(len(which) - len(found), *several)


def _several(which: np.ndarray, value: np.ndarray, count: int) -> int:
    """Return how many of `count` pictures have several values."""
    pairs = np.unique(np.stack([which, value]), axis=1)
    return int((np.bincount(pairs[0], minlength=count) > 1).sum())

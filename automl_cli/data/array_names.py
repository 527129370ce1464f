"""Names of arrays: which one holds images or labels, and of which part.

A name is one word for what it holds, alone or joined to one for the part: `x_train`, `train_images`, `X`, `labels-val`. Small
and capital letters are alike. Without a part the arrays are the examples that all parts are drawn from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from automl_cli.core.errors import DataError
from automl_cli.data.listing import PART_NAMES
from automl_cli.data.source import Part

IMAGE_WORDS = ("images", "image", "x", "data", "pixels")
LABEL_WORDS = ("labels", "label", "y", "targets", "target")
"""Words that names are made of. Of two arrays for one thing the word that stands first here decides."""

USUAL = (
    "x_train, y_train, x_val, y_val, x_test, y_test; train_images, train_labels, test_images, …; "
    "images, labels; X, y; data, target"
)
"""The usual names, for errors and help."""


class ArrayPair(NamedTuple):
    """The names of the images and of the labels of one part."""

    images: str
    labels: str


class Meaning(NamedTuple):
    """The meaning of a name: images or labels, of a part or None; and the rank of its words among those of the same meaning."""

    holds: Literal["images", "labels"]
    part: Part | None
    rank: int


def meaning_of(name: str) -> Meaning | None:
    """Return what a name says, None for other names.

    >>> meaning_of("X_valid")
    Meaning(holds='images', part='validation', rank=7)
    >>> meaning_of("train-labels").part, meaning_of("weights")
    ('train', None)
    """
    words = re.split(r"[^a-z0-9]+", name.lower())
    parts = [word for word in words if word in PART_NAMES]
    rest = [word for word in words if word not in PART_NAMES]
    if len(parts) > 1 or len(rest) != 1 or rest[0] not in (*IMAGE_WORDS, *LABEL_WORDS):
        return None
    holds: Literal["images", "labels"] = "images" if rest[0] in IMAGE_WORDS else "labels"
    rank = (IMAGE_WORDS if holds == "images" else LABEL_WORDS).index(rest[0])
    if not parts:
        return Meaning(holds, None, rank)
    order = [word for word, part in PART_NAMES.items() if part == PART_NAMES[parts[0]]]
    return Meaning(holds, PART_NAMES[parts[0]], rank * len(order) + order.index(parts[0]))


def pairs_of(names: Iterable[str], place: str) -> tuple[dict[Part, ArrayPair], tuple[str, ...]]:
    """Return the arrays of every part, and the names that are left over.

    Images without labels are left over, too. Raises DataError, with all names found and all that are known, where nothing is
    there to train on.
    """
    names = list(names)
    chosen: dict[tuple[Part | None, str], str] = {}
    for name in sorted(names, key=lambda name: meaning.rank if (meaning := meaning_of(name)) else 0):
        if (meaning := meaning_of(name)) is not None:
            chosen.setdefault((meaning.part, meaning.holds), name)
    parts: tuple[Part | None, ...] = ("train", None, "validation", "test")
    found: dict[Part, ArrayPair] = {}
    for part in parts:
        pair = chosen.get((part, "images")), chosen.get((part, "labels"))
        if pair[0] is not None and pair[1] is not None:
            found.setdefault(part or "train", ArrayPair(pair[0], pair[1]))
    if "train" not in found:
        raise DataError(f"{place} holds {', '.join(names) or 'nothing'}; it needs images and labels under usual names: {USUAL}")
    used = {name for pair in found.values() for name in pair}
    return found, tuple(name for name in names if name not in used)

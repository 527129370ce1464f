"""Copies of pictures: kept in one split, and found in two classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def is_copied(content: np.ndarray, parts: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return whether a picture has a copy in a later part, (pictures,) bool: one of those is used, and this one is not.

    `content` is alike for copies and 0 for a picture without any, `parts` are in the order training, validation, test, and only
    `kept` pictures count; (pictures,) each.

    >>> is_copied(np.array([7, 5, 0, 7]), np.array([0, 0, 0, 2]), np.ones(4, bool)).tolist()
    [True, False, False, False]
    """
    last: dict[int, int] = {}
    for value, part in zip(content[kept].tolist(), parts[kept].tolist(), strict=True):
        if value:
            last[value] = max(part, last.get(value, 0))
    pairs = zip(content.tolist(), parts.tolist(), strict=True)
    return np.array([value != 0 and last.get(value, 0) > part for value, part in pairs], bool)


def groups_of(content: np.ndarray, groups: Sequence[str]) -> np.ndarray | None:
    """Return a number for every picture, int64 (pictures,), alike for copies and for pictures of one group, "" being none.

    Groups that share a copy are one. None if every picture stands for itself.

    >>> groups_of(np.array([7, 0, 7, 0]), ["", "", "a", "a"]).tolist()
    [0, 1, 0, 0]
    """
    first: dict[object, int] = {}
    root = list(range(len(groups)))

    def find(row: int) -> int:
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for row, keys in enumerate(zip(content.tolist(), groups, strict=True)):
        for key in keys:
            if key:
                one, other = sorted((find(row), find(first.setdefault(key, row))))
                root[other] = one
    found = np.array([find(row) for row in range(len(root))], np.int64)
    return None if (found == np.arange(len(found))).all() else found


LEAST_DISTINCT = 5
"""Different pictures that a class must have for its copies to stay together: of fewer not all splits could have some."""


def where_kept_together(content: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the content of every picture, (pictures,), with 0 where its class, `labels` (pictures,), consists of so few
    different pictures that copies cannot stay together.

    >>> where_kept_together(np.array([7, 7, 7, 5, 5, 0, 0, 0, 0]), np.array([0, 0, 0, 1, 1, 1, 1, 1, 1])).tolist()
    [0, 0, 0, 5, 5, 0, 0, 0, 0]
    """
    kept = content.copy()
    for label in np.unique(labels):
        of_class = content[labels == label]
        if len(np.unique(of_class[of_class != 0])) + int((of_class == 0).sum()) < LEAST_DISTINCT:
            kept[labels == label] = 0
    return kept


def in_two_classes(content: np.ndarray, labels: Sequence[str]) -> list[tuple[int, int]]:
    """Return, for every content that stands in two classes, its first row and the first row of another class.

    >>> in_two_classes(np.array([7, 0, 7, 7]), ["a", "a", "b", "c"])
    [(0, 2)]
    """
    first: dict[int, int] = {}
    pairs: dict[int, tuple[int, int]] = {}
    for row, value in enumerate(content.tolist()):
        if value and labels[first.setdefault(value, row)] != labels[row]:
            pairs.setdefault(value, (first[value], row))
    return list(pairs.values())

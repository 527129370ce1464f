"""Scores of single classes, and which classes are taken for which, from a confusion matrix."""

from collections.abc import Sequence

from msgspec import Struct

ConfusionMatrix = tuple[tuple[int, ...], ...]
"""Examples of each class (row) by the class that they are taken for (column)."""


class ClassScore(Struct, frozen=True, kw_only=True):
    """The scores of a class: its examples, the share of them that are recognised, and the share of the examples taken for it
    that are of it; None where there are none to take a share of."""

    name: str
    examples: int
    recall: float | None
    precision: float | None


class ConfusedPair(Struct, frozen=True, kw_only=True):
    """The number of examples of a class that are taken for another one, of all examples of the class."""

    name: str
    taken_for: str
    examples: int
    of: int


def class_scores(names: Sequence[str], matrix: ConfusionMatrix) -> tuple[ClassScore, ...]:
    """Return the scores of each class, in order.

    >>> [(one.recall, one.precision) for one in class_scores(("a", "b"), ((3, 1), (0, 4)))]
    [(0.75, 1.0), (1.0, 0.8)]
    """
    taken = [sum(column) for column in zip(*matrix, strict=True)]
    return tuple(
        ClassScore(
            name=name,
            examples=sum(row),
            recall=row[place] / sum(row) if any(row) else None,
            precision=row[place] / taken[place] if taken[place] else None,
        )
        for place, (name, row) in enumerate(zip(names, matrix, strict=True))
    )


def confused_pairs(names: Sequence[str], matrix: ConfusionMatrix) -> tuple[ConfusedPair, ...]:
    """Return the pairs of classes of which one is taken for the other, those with the most examples first.

    >>> [(pair.name, pair.taken_for, pair.examples) for pair in confused_pairs(("a", "b"), ((3, 1), (2, 4)))]
    [('b', 'a', 2), ('a', 'b', 1)]
    """
    pairs = [
        ConfusedPair(name=names[row], taken_for=names[column], examples=count, of=sum(counts))
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair.examples))

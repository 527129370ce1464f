"""Compares what a file says with what follows from the rest of it."""

import math
from typing import Any

import msgspec

from automl_cli.core.errors import ArtifactError


def must_equal(place: str, said: object, expected: object, by: str = "what stands beside it") -> None:
    """Raise ArtifactError naming the place where a file says something else than what follows from the rest."""
    if not alike(said, expected):
        path, one, other = first_difference(said, expected)
        raise ArtifactError(f"{place}{path}: says {one}, but {by} makes it {other}")


def alike(one: Any, other: Any) -> bool:
    """Return whether plain data are equal; numbers with a fraction may differ in the last bits.

    >>> alike({"a": [0.1 + 0.2, 1]}, {"a": [0.3, 1]}), alike((1, 2), (1,))
    (True, False)
    """
    one, other = msgspec.to_builtins(one), msgspec.to_builtins(other)
    match one, other:
        case (float(), float()):
            return math.isclose(one, other, rel_tol=1e-12)
        case (dict(), dict()):
            return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
        case (list() | tuple(), list() | tuple()):
            return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def first_difference(one: Any, other: Any) -> tuple[str, str, str]:
    """Return the path to the first place where plain data differ, and what each side says there: two texts that differ.

    >>> first_difference({"a": [1, 2]}, {"a": [1, 3]})
    ('.a[1]', '2', '3')
    >>> first_difference({"a": 1}, {}), first_difference("1", 1)
    (('.a', '1', 'nothing'), ('', "'1'", '1'))
    """
    one, other = msgspec.to_builtins(one), msgspec.to_builtins(other)
    match one, other:
        case (dict(), dict()):
            pairs = [(f".{key}", one.get(key, _NOTHING), other.get(key, _NOTHING)) for key in {**one, **other}]
        case (list() | tuple(), list() | tuple()) if len(one) == len(other):
            pairs = [(f"[{at}]", *pair) for at, pair in enumerate(zip(one, other, strict=True))]
        case _:
            return "", *_told_apart(_text(one), _text(other))
    at, first, second = next(pair for pair in pairs if _differ(*pair[1:]))
    if first is _NOTHING or second is _NOTHING:
        return at, *_told_apart(_text(first), _text(second))
    path, *texts = first_difference(first, second)
    return f"{at}{path}", texts[0], texts[1]


_NOTHING = object()


def _differ(one: Any, other: Any) -> bool:
    return one is not other if one is _NOTHING or other is _NOTHING else not alike(one, other)


def _text(value: object) -> str:
    return "nothing" if value is _NOTHING else repr(value)


def _told_apart(one: str, other: str) -> tuple[str, str]:
    """Return both texts short enough to read, cut where they are the same and not where they differ."""
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, same - _WIDTH // 2) if max(len(one), len(other)) > _WIDTH else 0
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    end = "…" if len(text) > start + _WIDTH else ""
    return f"{'…' if start else ''}{text[start : start + _WIDTH]}{end}"


_WIDTH = 80

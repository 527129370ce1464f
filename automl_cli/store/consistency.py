"""Whether what a file says follows from what else it says."""

import math
from typing import Any

import msgspec

from automl_cli.core.errors import ArtifactError


def must_equal(place: str, said: object, expected: object, by: str = "what stands beside it") -> None:
    """ArtifactError naming the place where something says what does not follow from the rest."""
    if not alike(said, expected):
        raise ArtifactError(f"{place}: says {_short(said)}, but {by} makes it {_short(expected)}")


def alike(one: Any, other: Any) -> bool:
    """Whether plain data are equal, computed numbers to the last bits.

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


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"

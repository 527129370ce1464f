"""Classes with too few examples for every split to have one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.data.source import Part


def small_classes(place: object, counts: Mapping[str, int], parts: Collection[Part]) -> dict[str, int]:
    """Return the classes with fewer training examples than there are splits to draw from them, with their numbers: those that
    are to be left out. `parts` are those that the source has. Raises DataError where fewer than two classes are left.

    >>> small_classes("x.npz", {"cat": 9, "dog": 5, "owl": 2}, {"train"})
    {'owl': 2}
    """
    small = _small(counts, parts)
    if small and (left := len(counts) - len(small)) < 2:
        raise DataError(f"{place} has {counted(left, 'class/classes')} with enough pictures; classification needs at least two")
    return small


def why_not_split(place: object, counts: Mapping[str, int], parts: Collection[Part]) -> str | None:
    """Return why a source with these numbers of training examples by class cannot be divided between the splits that it lacks,
    naming all classes that are too small; None where it can.

    >>> why_not_split("x.npz", {"cat": 9, "owl": 2}, {"train", "test"}) is None
    True
    """
    if not (small := _small(counts, parts)):
        return None
    names = ", ".join(f"{label} {count}" for label, count in small.items())
    found = counted(len(small), "class/classes")
    return (
        f"{place} has {found} of fewer than {_needed(parts)} pictures, too few for every split to have one: {names}. "
        "Add pictures, or leave these classes out with --skip-small-classes"
    )


def _small(counts: Mapping[str, int], parts: Collection[Part]) -> dict[str, int]:
    return {label: count for label, count in counts.items() if count < _needed(parts)}


def _needed(parts: Collection[Part]) -> int:
    return 1 + len({"validation", "test"} - set(parts))


def note_on(small: Mapping[str, int]) -> str:
    """Return that these classes are left out, in words."""
    names = ", ".join(f"{label} {count}" for label, count in small.items())
    return f"left out: classes with too few pictures ({names})"

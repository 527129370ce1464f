"""Classes with too few examples for every split to have one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.data.source import Part


def small_classes(place: object, counts: Mapping[str, int], parts: Collection[Part], *, skip: bool) -> dict[str, int]:
    """Return the classes with fewer training examples than there are splits to draw from them, with their numbers.

    `parts` are those that the source has. Raises DataError with all of these classes unless they are to be skipped.

    >>> small_classes("x.npz", {"cat": 9, "dog": 5, "owl": 2}, {"train"}, skip=True)
    {'owl': 2}
    """
    needed = 1 + len({"validation", "test"} - set(parts))
    small = {label: count for label, count in counts.items() if count < needed}
    if small and not skip:
        names = ", ".join(f"{label} {count}" for label, count in small.items())
        raise DataError(
            f"{place} has {counted(len(small), 'class/classes')} of fewer than {needed} pictures, too few for every split to "
            f"have one: {names}. Add pictures, or leave these classes out with --skip-small-classes"
        )
    if small and (left := len(counts) - len(small)) < 2:
        raise DataError(f"{place} has {counted(left, 'class/classes')} with enough pictures; classification needs at least two")
    return small


def note_on(small: Mapping[str, int]) -> str:
    """Return that these classes are left out, in words."""
    names = ", ".join(f"{label} {count}" for label, count in small.items())
    return f"left out: classes with too few pictures ({names})"

"""Descriptions of values and runs as plain data, for a terminal or a page to lay out."""

from typing import NamedTuple


class Heading(NamedTuple):
    """A title: a name, and what bears it."""

    name: str
    rest: str


class Facts(NamedTuple):
    """Pairs of a name and its value, one pair a line."""

    rows: tuple[tuple[str, str], ...]


class Grid(NamedTuple):
    """A table. `words` are the titles of columns that hold words: they stand to the left, numbers to the right."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[str, ...] = ()


class Lines(NamedTuple):
    """Text, line by line as it is."""

    text: str


class Curves(NamedTuple):
    """Functions of one number, drawn over the same points `x`, each under its name. A value that is not finite is a gap.

    `axis` names that number.
    """

    title: str
    x: tuple[float, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    axis: str = "x"


Part = Heading | Facts | Grid | Lines | Curves

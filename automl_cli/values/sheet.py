"""What is said of a value or a run, as plain data: a terminal or a page lays it out."""

from typing import NamedTuple


class Heading(NamedTuple):
    """A name, and what it is the name of."""

    name: str
    rest: str


class Facts(NamedTuple):
    """Names and what they are, side by side."""

    rows: tuple[tuple[str, str], ...]


class Grid(NamedTuple):
    """A table. `words` are the titles of columns that hold words: they stand to the left, numbers to the right."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[str, ...] = ()


class Lines(NamedTuple):
    """Text, line by line as it is."""

    text: str


Part = Heading | Facts | Grid | Lines

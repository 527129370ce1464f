"""Names the pieces of a page: chapters of sections."""

from typing import NamedTuple


class Section(NamedTuple):
    """A part of a chapter: its title, and what stands there as HTML."""

    title: str
    content: str


class Chapter(NamedTuple):
    """One thing that a page is about: its name, a sentence about it, and its sections."""

    name: str
    lead: str
    sections: tuple[Section, ...]

"""Bounds of numbers as data: of flags, and of the fields of a recipe."""

import math
from collections.abc import Iterator

from msgspec import Struct


class Bounds(Struct, frozen=True, kw_only=True):
    """Bounds that a number must keep; every number must be finite."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def hold(self, number: float) -> bool:
        """Return whether the number is finite and within all bounds."""
        return self.broken_by(number) is None

    def broken_by(self, number: float) -> str | None:
        """Return the first bound that the number breaks, in words, or None where it breaks none.

        >>> Bounds(above=0, at_most=10).broken_by(11), Bounds(above=0).broken_by(math.nan)
        ('at most 10', 'a finite number above 0')
        """
        if not math.isfinite(number):
            return " ".join(["a finite number", *(words for words, _ in self._checked(0))][:2])
        return next((words for words, holds in self._checked(number) if not holds), None)

    @property
    def words(self) -> str:
        """All bounds in one phrase.

        >>> Bounds(at_least=0, below=1).words, Bounds(above=0, below=1).words
        ('be at least 0 and below 1', 'lie between 0 and 1')
        """
        if self.above is not None and self.below is not None:
            return f"lie between {self.above:g} and {self.below:g}"
        return f"be {' and '.join(self.each_in_words)}"

    @property
    def each_in_words(self) -> list[str]:
        """Return each bound in words.

        >>> Bounds(at_least=0, below=1).each_in_words
        ['at least 0', 'below 1']
        """
        return [words for words, _ in self._checked(0)]

    def _checked(self, number: float) -> Iterator[tuple[str, bool]]:
        """Yield each bound in words, and whether the number keeps it."""
        if self.at_least is not None:
            yield f"at least {self.at_least:g}", number >= self.at_least
        if self.above is not None:
            yield f"above {self.above:g}", number > self.above
        if self.at_most is not None:
            yield f"at most {self.at_most:g}", number <= self.at_most
        if self.below is not None:
            yield f"below {self.below:g}", number < self.below

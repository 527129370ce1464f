"""Scales of charts: from numbers to places between 0 and 1, with round numbers where ticks stand."""

import math
from collections.abc import Iterable

from msgspec import Struct

TICKS = 5
"""About so many ticks stand on an axis."""

FARTHEST = 1e300
"""Numbers that lie farther from zero are drawn there: sums of a few of them are still finite."""
LARGEST_POWER = 307
"""Powers of ten that both a number and its inverse may have."""


def held(number: float) -> float:
    """Return the number, or the end of what is drawn where it lies beyond.

    >>> held(0.5), held(-1.7e308)
    (0.5, -1e+300)
    """
    return max(-FARTHEST, min(FARTHEST, float(number)))


class Scale(Struct, frozen=True, kw_only=True):
    """The numbers from `low` to `high`, evenly, or by their logarithms. `named` are ticks with words in place of numbers."""

    low: float
    high: float
    log: bool = False
    named: tuple[tuple[float, str], ...] = ()

    def place(self, value: float) -> float:
        """Return the place of a number between 0 and 1; those beyond the ends stand at the ends.

        >>> Scale(low=0, high=4).place(1), Scale(low=1, high=100, log=True).place(10), Scale(low=0, high=1).place(7)
        (0.25, 0.5, 1.0)
        """
        low, high, at = (math.log10(number) if self.log else held(number) for number in (self.low, self.high, value))
        return min(1.0, max(0.0, (at - low) / (high - low)))

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Return the places of the ticks with what is written there.

        >>> Scale(low=0, high=1).ticks()[1], Scale(low=1e4, high=1e6, log=True).ticks()[0]
        ((0.2, '0.2'), (0.0, '10 k'))
        """
        if self.named:
            return tuple((self.place(at), words) for at, words in self.named)
        numbers = _powers(self.low, self.high) if self.log else _rounds(self.low, self.high)
        digits = 0 if self.log or len(numbers) < 2 else max(0, -math.floor(math.log10(numbers[1] - numbers[0]) + 1e-9))
        return tuple((self.place(number), short(number, digits)) for number in numbers)


def scale_over(values: Iterable[float], *, log: bool = False, below: float = 0.04, above: float = 0.04) -> Scale:
    """Return the scale that holds all of these numbers, with margins below and above as shares of their range.

    >>> scale_over([1, 2], below=0, above=0.5)
    Scale(low=1.0, high=2.5, log=False, named=())
    """
    numbers = [math.log10(value) if log else held(value) for value in values if not log or value > 0]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        margin = 0.3 if log else max(abs(high) / 10, 1e-3)
        low, high = low - margin, high + margin
    low, high = low - below * (high - low), high + above * (high - low)
    if log:
        return Scale(low=10 ** max(low, -LARGEST_POWER), high=10 ** min(high, LARGEST_POWER), log=True)
    return Scale(low=low, high=high)


def short(number: float, digits: int = 0) -> str:
    """Return a number as a tick shows it: large ones by k, M and G, others with so many digits.

    >>> short(20_000), short(2_500_000), short(0.25, 2), short(3000), short(1.5e11)
    ('20 k', '2.5 M', '0.25', '3,000', '150 G')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= max(size, 1e4):
            return f"{number / size:.4g} {letter}"
    return f"{number:,.{digits}f}"


def _rounds(low: float, high: float) -> list[float]:
    """Return the multiples of 1, 2 or 5 times a power of ten, of which about `TICKS` lie in the range."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda size: abs(math.log(size / rough)))
    return [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Return powers of ten within the range, with 2 and 5 times these where they are few."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, (len(exponents) - 1) // TICKS)
    for factors in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
        chosen = [f * 10.0**exponent for exponent in exponents[:: every if factors == (1,) else 1] for f in factors]
        within = [number for number in chosen if low * (1 - 1e-9) <= number <= high * (1 + 1e-9)]
        if len(within) >= 3:
            return within
    return within

"""Whole numbers as users give and read them."""

from collections.abc import Iterable

from automl_cli.core.errors import UserError

LARGEST = 2**53
"""The largest whole number that files hold: readers of JSON may hold numbers as doubles, exact up to here."""


def check_whole(flag: str, value: object) -> None:
    """Raise UserError for a whole number beyond 2^53, which JSON readers may not hold exactly."""
    if isinstance(value, int) and abs(value) > LARGEST:
        allowed = f"at most {LARGEST}" if value > 0 else f"at least {-LARGEST}"
        raise UserError(f"--{flag} is {value}; it must be {allowed}")


def counted(count: int, noun: str) -> str:
    """Return the count with its noun in the singular or plural; an irregular plural stands behind a slash.

    >>> counted(1, "epoch"), counted(12800, "trial"), counted(0, "index/indices")
    ('1 epoch', '12,800 trials', '0 indices')
    """
    one, _, many = noun.partition("/")
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def by_times(sizes: Iterable[int]) -> str:
    """Return the sizes joined by "×".

    >>> by_times((224, 224, 3))
    '224×224×3'
    """
    return "×".join(map(str, sizes))


def duration(seconds: float) -> str:
    """Return a duration in the one or two units that fit it.

    >>> duration(0.42), duration(9.97), duration(59.4), duration(59.6)
    ('0.4 s', '10 s', '59 s', '1 min 0 s')
    >>> duration(150), duration(8000), duration(90_000), duration(200_000)
    ('2 min 30 s', '2 h 13 min', '1 day 1 h', '2 days 7 h')
    """
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole >= 86400:
        return f"{counted(whole // 86400, 'day')} {whole % 86400 // 3600} h"
    for unit, size, smaller, part in (("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{whole} s"

"""Whole numbers as users give and read them."""

from collections.abc import Iterable

from automl_cli.core.errors import UserError

LARGEST = 2**53
"""Whole numbers stand in JSON, whose readers may hold numbers as doubles."""


def check_whole(flag: str, value: object) -> None:
    """Raises UserError for a whole number that no file of ours could hold."""
    if isinstance(value, int) and abs(value) > LARGEST:
        allowed = f"at most {LARGEST}" if value > 0 else f"at least {-LARGEST}"
        raise UserError(f"--{flag} is {value}; it must be {allowed}")


def counted(count: int, noun: str) -> str:
    """
    >>> counted(1, "epoch"), counted(12800, "trial"), counted(0, "index/indices")
    ('1 epoch', '12,800 trials', '0 indices')
    """
    one, _, many = noun.partition("/")
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def by_times(sizes: Iterable[int]) -> str:
    """
    >>> by_times((224, 224, 3))
    '224×224×3'
    """
    return "×".join(map(str, sizes))

"""Amounts of memory as people write them: 2GB, 512MiB, 1.5G."""

import re

from automl_cli.core.errors import UserError

_LETTERS = "KMGT"
UNITS = {
    **{f"{letter}B": 1000**power for power, letter in enumerate(_LETTERS, start=1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate(_LETTERS, start=1)},
}
"""Bytes of each unit. A letter alone means the same as with iB, as Docker and Slurm have it."""

LARGEST = 2**53


def bytes_of(text: str, *, what: str = "size", at_least: int = 1) -> int:
    """Return the bytes that a text such as 2GB means; a number alone is bytes. Raises UserError for what means none.

    >>> bytes_of("2GB"), bytes_of("1.5 GiB"), bytes_of("512m"), bytes_of("100")
    (2000000000, 1610612736, 536870912, 100)
    """
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)\s*(?:([KMGT])(I?B)?|B)?", text.strip().upper(), re.ASCII)
    if found is None:
        raise UserError(f"{what} is {text!r}; give a size such as 2GB, 512MiB or 1.5G")
    number, letter, rest = found.groups()
    unit = 1 if letter is None else UNITS[f"{letter}B" if rest == "B" else f"{letter}iB"]
    size = round(float(number) * unit)
    if not at_least <= size <= LARGEST:
        raise UserError(f"{what} is {text}; it must lie between {size_in_words(at_least)} and {size_in_words(LARGEST)}")
    return size


def size_in_words(size: int) -> str:
    """Return the text that means exactly so many bytes, with the largest unit that they are a multiple of.

    >>> size_in_words(2 * 10**9), size_in_words(3 * 2**29), size_in_words(1001)
    ('2GB', '1536MiB', '1001B')
    """
    units = ((bytes_each, unit) for unit, bytes_each in UNITS.items() if size and size % bytes_each == 0)
    bytes_each, unit = max(units, default=(1, "B"))
    return f"{size // bytes_each}{unit}"


def rounded(size: float) -> str:
    """Return about how many bytes these are.

    >>> rounded(2**31), rounded(5 * 2**20), rounded(12)
    ('2.0 GiB', '5 MiB', '12 B')
    """
    if size >= UNITS["GiB"]:
        return f"{size / UNITS['GiB']:,.1f} GiB"
    return f"{size / UNITS['MiB']:,.0f} MiB" if size >= UNITS["MiB"] else f"{size:,.0f} B"

"""Names of files that are made of other names, such as that of a data set: cut to what file systems take, in bytes."""

import hashlib

MOST_BYTES = 150
"""Bytes of a name that is made of another one: file systems take 255, and what is put around it needs room."""


LONGEST_NAME = 255
"""Bytes that the name of a file may have at most, on nearly all file systems."""


def short_name(name: str, most_bytes: int = MOST_BYTES) -> str:
    """Return a name for a file: the whole one where it is short, else its beginning and a digest of the whole.

    >>> short_name("flowers"), short_name("花" * 50, 40)
    ('flowers', '花花花花花花花花花花-8247c459')
    """
    encoded = name.encode(errors="surrogateescape")
    if len(encoded) <= most_bytes:
        return name
    digest = hashlib.blake2b(encoded, digest_size=4).hexdigest()
    return f"{encoded[: most_bytes - len(digest) - 1].decode(errors='ignore')}-{digest}"

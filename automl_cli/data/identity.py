"""The content of a stored data set, by which it is known again wherever it lies and whatever has become of its files' dates.

The digest covers what the set says of each file, such as part and class, and the bytes of the file; of an `.npz` file, which
holds the time when it was written, the names, sizes and checksums of its arrays. Of a set of more than `WHOLE_BYTES` it covers
the sizes of its files and the first and last `ENDS` bytes of each. It is kept beside prepared data under the places, sizes and
dates of the files, so that a set is read once.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from automl_cli.data.cache import key_of, load_or_prepare
from automl_cli.data.prefetch import prefetch_map
from automl_cli.data.source import Source
from automl_cli.system.machine import available_cores

WHOLE_BYTES = 4 * 2**30
"""Bytes up to which a set is read whole."""

ENDS = 1 << 12
"""Bytes at both ends of each file that are read of larger sets."""

DIGEST_BYTES = 12
AHEAD = 64


class Stamped(NamedTuple):
    """A file of a set: what the set says of it, its place, its size in bytes (None if it cannot be read), and its date."""

    says: str
    path: Path
    size: int | None
    changed: int


def content_of(source: Source) -> str | None:
    """Return the digest of a source's content as hexadecimal digits; None for a set that comes with this package."""
    files = [_stamped(says, path) for says, path in source.files()]
    if not files:
        return None
    whole = sum(file.size or 0 for file in files) <= WHOLE_BYTES

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        arrays["content"][:] = np.frombuffer(digest_of(files, whole=whole), np.uint8)

    stamps = (f"{file.says}|{file.path.resolve()}|{file.size}|{file.changed}" for file in files)
    key = key_of(("content", f"{whole}", *stamps))
    kept = load_or_prepare(source.description.name, key, {"content": ((DIGEST_BYTES,), "uint8")}, write)
    return bytes(kept["content"]).hex()


def digest_of(files: Iterable[Stamped], *, whole: bool) -> bytes:
    """Return the digest of these files, of their whole bytes or of their sizes and ends."""
    total = hashlib.blake2b(f"whole:{whole}".encode(), digest_size=DIGEST_BYTES)
    read = prefetch_map(files, lambda file: _digest(file, whole=whole), threads=available_cores(), depth=AHEAD)
    for digest in read:
        total.update(digest)
    return total.digest()


def _stamped(says: str, path: Path) -> Stamped:
    try:
        status = path.stat()
    except OSError:
        return Stamped(says, path, None, 0)
    return Stamped(says, path, status.st_size, status.st_mtime_ns)


def _digest(file: Stamped, *, whole: bool) -> bytes:
    """Return the digest of one file; of one that cannot be read, of what the set says of it."""
    said = file.says.encode(errors="surrogateescape")
    digest = hashlib.blake2b(f"{len(said)}|".encode() + said, digest_size=DIGEST_BYTES)
    try:
        if file.path.suffix.lower() == ".npz":
            digest.update(_arrays_in(file.path).encode())
            return digest.digest()
        with file.path.open("rb") as stream:
            if whole:
                while block := stream.read(1 << 20):
                    digest.update(block)
            else:
                digest.update(f"{file.size}|".encode() + stream.read(ENDS))
                stream.seek(max(0, (file.size or 0) - ENDS))
                digest.update(stream.read(ENDS))
    except (OSError, zipfile.BadZipFile):
        digest.update(b"|unreadable")
    return digest.digest()


def _arrays_in(archive: Path) -> str:
    with zipfile.ZipFile(archive) as opened:
        return "\n".join(sorted(f"{member.filename}|{member.file_size}|{member.CRC}" for member in opened.infolist()))

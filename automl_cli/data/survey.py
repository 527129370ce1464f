"""Looks at the pictures of a set before any is needed: their headers, copies among them, and which cannot be read.

Both looks are kept in the cache under the identity of the set. Threads share the work; the result does not depend on them.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from msgspec import Struct

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.data.cache import Write, key_of, load_or_prepare
from automl_cli.data.decoding import BrokenPicture, Traits, check_whole, traits
from automl_cli.data.paths import shown
from automl_cli.data.prefetch import prefetch_map
from automl_cli.system.machine import available_cores

AHEAD = 64
"""Pictures that threads have begun and nobody has taken."""

SHOWN = 20
"""Faults that an error lists; the rest is counted."""

BYTE_RANGE = (0.0, 255.0)
"""Least and greatest pixel that a floating-point picture may hold."""


class Fault(Struct, frozen=True):
    """A file that cannot be read as a picture, and why; `file` is its name in the set."""

    file: str
    reason: str


class BrokenPictures(DataError):
    """Pictures of a set cannot be read. `faults` has them all, the text the first 20."""

    def __init__(self, name: str, faults: Sequence[Fault], pictures: int) -> None:
        lines = [f"\n  {fault.file}: {fault.reason}" for fault in faults[:SHOWN]]
        more = f"\n  and {len(faults) - SHOWN:,} more" if len(faults) > SHOWN else ""
        super().__init__(
            f"{name}, {counted(pictures, 'picture')}: {counted(len(faults), 'fault')}{''.join(lines)}{more}\n"
            "Mend or remove them, or leave them out with --skip-broken"
        )
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Survey:
    """Facts in the headers of pictures, a row for each.

    `traits` (pictures, len(Traits._fields)) int32; `readable` (pictures,) bool; `content` (pictures,) int64 is alike for files
    of the same bytes, and 0 for those unlike any other; `ranges` (pictures, 2) float32 has least and greatest pixel of
    floating-point pictures.
    """

    traits: np.ndarray
    readable: np.ndarray
    content: np.ndarray
    ranges: np.ndarray

    @property
    def white(self) -> float:
        """The number that is white in floating-point pictures: 1 if none of them holds more, else 255."""
        floating = self.trait("floating").astype(bool) & self.readable
        return 1.0 if floating.any() and self.ranges[floating].max() <= 1 else BYTE_RANGE[1]

    def trait(self, name: str) -> np.ndarray:
        """Return one trait of every picture, (pictures,) int32."""
        column: np.ndarray = self.traits[:, Traits._fields.index(name)]
        return column


def survey_of(paths: Sequence[Path], sizes: np.ndarray, *, name: str, identity: tuple[str, ...]) -> Survey:
    """Look at the headers of all pictures; `sizes` (pictures,) are those of the files in bytes."""
    alike = _of_a_size(sizes)

    def look(index: int) -> tuple[Traits | None, int, tuple[float, float]]:
        try:
            found, extremes = _header(paths[index])
        except BrokenPicture:
            return None, 0, BYTE_RANGE
        return found, _digest(paths[index]) if alike[index] else 0, extremes

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        for index, (found, content, extremes) in enumerate(_in_threads(look, len(paths))):
            arrays["readable"][index] = found is not None
            arrays["traits"][index] = found or 0
            arrays["content"][index] = content
            arrays["ranges"][index] = extremes

    return survey_kept(name, (*identity, "survey"), len(paths), write)


def survey_kept(name: str, parts: tuple[str, ...], count: int, write: Write) -> Survey:
    """Return the survey of so many pictures that is kept under these texts, made by `write` if there is none.

    What can be read depends on the version of Pillow, so each version looks for itself.
    """
    layout = {
        "traits": ((count, len(Traits._fields)), "int32"),
        "readable": ((count,), "bool"),
        "content": ((count,), "int64"),
        "ranges": ((count, 2), "float32"),
    }
    return Survey(**load_or_prepare(name, key_of((*parts, PIL.__version__)), layout, write))


def whole_pictures(paths: Sequence[Path], *, name: str, identity: tuple[str, ...]) -> np.ndarray:
    """Decode all pictures once; return whether each can be read to its end, (pictures,) bool."""

    def is_whole(index: int) -> bool:
        return fault_of(paths[index]) is None

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        arrays["whole"][:] = list(_in_threads(is_whole, len(paths)))

    layout = {"whole": ((len(paths),), "bool")}
    return load_or_prepare(name, key_of((*identity, "whole", PIL.__version__)), layout, write)["whole"]


def fault_of(path: Path) -> str | None:
    """Return why a picture cannot be read, or None for one that can."""
    try:
        _header(path)
        check_whole(_bytes_of(path), str(path))
    except BrokenPicture as broken:
        return broken.reason
    return None


def faults_of(paths: Sequence[Path], names: Sequence[str]) -> list[Fault]:
    """Return the faults among these pictures; `names` are how they are called in the set."""
    reasons = _in_threads(lambda index: fault_of(paths[index]), len(paths))
    return [Fault(name, reason) for name, reason in zip(names, reasons, strict=True) if reason is not None]


def _header(path: Path) -> tuple[Traits, tuple[float, float]]:
    """Return what the header says, and the extremes of a floating-point picture. Raises BrokenPicture."""
    data = _bytes_of(path, length=1)
    if not data:
        raise BrokenPicture(str(path), "the file is empty")
    found = traits(path, str(path))
    return found, levels_of(_bytes_of(path), str(path)) if found.floating else BYTE_RANGE


def levels_of(data: bytes, where: str) -> tuple[float, float]:
    """Decode a picture; return least and greatest pixel of a floating-point one, else the range of bytes.

    Raises BrokenPicture naming `where`, also for floating-point pixels beyond the range of bytes.
    """
    low, high = check_whole(data, where) or BYTE_RANGE
    if not BYTE_RANGE[0] <= low <= high <= BYTE_RANGE[1]:
        reason = f"its pixels reach from {low:g} to {high:g}; floating-point pictures hold 0 to 1, or 0 to 255"
        raise BrokenPicture(where, reason)
    return low, high


def _bytes_of(path: Path, length: int | None = None) -> bytes:
    """Return the bytes of a file, or its first ones. Raises BrokenPicture where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(-1 if length is None else length)
    except FileNotFoundError as error:
        raise BrokenPicture(str(path), _nowhere(path)) from error
    except OSError as error:
        reason = "a link that leads in a circle" if error.errno == errno.ELOOP else error.strerror or str(error)
        raise BrokenPicture(str(path), reason) from error


def _nowhere(path: Path) -> str:
    return f"a link to nowhere: {shown(path.readlink())}" if path.is_symlink() else "there is no such file"


def _digest(path: Path) -> int:
    try:
        data = path.read_bytes()
    except OSError:
        return 0
    return content_digest(data)


def content_digest(data: bytes) -> int:
    """Return a number of 63 bits, not 0, that tells contents apart."""
    return (int.from_bytes(hashlib.blake2b(data, digest_size=8).digest()) >> 1) or 1


def _of_a_size(sizes: np.ndarray) -> np.ndarray:
    """Return whether a file has as many bytes as another, (pictures,) bool; only those can be copies."""
    _, rows, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    return (counts > 1)[rows] & (sizes > 0)


def _in_threads(work: Callable[[int], Any], count: int) -> Any:
    return prefetch_map(range(count), work, threads=available_cores(), depth=AHEAD)

"""Arrays in files: one `.npz` file, or `.npy` files side by side in a folder. Nothing but their headers is read at first."""

from __future__ import annotations

import lzma
import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np

from automl_cli.core.errors import DataError

CHUNK_BYTES = 1 << 24
BROKEN = (
    *(OSError, ValueError, EOFError, TypeError, LookupError, ArithmeticError, SyntaxError, MemoryError),
    *(RuntimeError, struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""Errors of reading a damaged file, whose header may name any type and size: `zipfile` raises RuntimeError for one that is
encrypted, and NotImplementedError for methods of compression that it does not have."""


class ArrayHeader(NamedTuple):
    """Shape, type of numbers, and whether the first axis varies fastest."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool


class ArrayFiles(Protocol):
    """Arrays by name, in a place that errors name."""

    place: Path
    headers: dict[str, ArrayHeader]

    def files(self) -> tuple[Path, ...]:
        """Return the files, which determine the arrays."""
        ...

    def read(self, name: str) -> np.ndarray:
        """Return a whole array. Raises DataError for a damaged file."""
        ...

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """Yield an array in order, some examples (examples, …) at a time. Raises DataError for a damaged file."""
        ...


class NpzFile:
    """The arrays of one `.npz` file. Raises DataError for a file that is missing or no such file."""

    def __init__(self, place: Path) -> None:
        if not place.is_file():
            raise DataError(f"no file at {place}; give an existing .npz file with images and labels")
        self.place = place
        self.headers = {}
        try:
            with zipfile.ZipFile(place) as archive:
                for member in archive.namelist():
                    with archive.open(member) as stream:
                        self.headers[member.removesuffix(".npy")] = _header(stream)
        except BROKEN as error:
            raise DataError(f"{place} is no readable .npz file ({error}); numpy.savez_compressed writes one") from error

    def files(self) -> tuple[Path, ...]:
        """Return the file."""
        return (self.place,)

    def read(self, name: str) -> np.ndarray:
        """Return a whole array. Raises DataError for a damaged file."""
        try:
            with np.errstate(all="raise"), np.load(self.place, allow_pickle=False) as archive:  # of extents beyond 64 bits
                return np.asarray(archive[name])
        except BROKEN as error:
            raise _damaged(self.place, name, error) from error

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """Yield an array in order, some examples (examples, …) at a time, unpacked as they are needed."""
        if self.headers[name].fortran:
            yield from _slices(self.read(name))
            return
        try:
            with zipfile.ZipFile(self.place) as archive, archive.open(f"{name}.npy") as stream:
                yield from _streamed(stream, _header(stream))
        except BROKEN as error:
            raise _damaged(self.place, name, error) from error


class NpyFolder:
    """The `.npy` files of a folder as arrays, by their names. Raises DataError for one that is no such file."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._paths = {path.stem: path for path in sorted(place.glob("*.npy")) if path.is_file()}
        self.headers = {}
        for name, path in self._paths.items():
            try:
                with path.open("rb") as stream:
                    self.headers[name] = _header(stream)
            except BROKEN as error:
                raise DataError(f"{path} is no readable .npy file ({error}); numpy.save writes one") from error

    def files(self) -> tuple[Path, ...]:
        """Return the files of all arrays, by name."""
        return tuple(self._paths.values())

    def read(self, name: str) -> np.ndarray:
        """Return a whole array, memory-mapped. Raises DataError for a damaged file."""
        try:
            return np.asarray(np.load(self._paths[name], mmap_mode="r", allow_pickle=False))
        except BROKEN as error:
            raise _damaged(self._paths[name], name, error) from error

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """Yield an array in order, some examples (examples, …) at a time."""
        yield from _slices(self.read(name))


class NpyFile:
    """The array of one `.npy` file, by the name of the file. Raises DataError for a file that is no such file."""

    def __init__(self, place: Path) -> None:
        self.place = place
        try:
            with place.open("rb") as stream:
                self.headers = {place.stem: _header(stream)}
        except BROKEN as error:
            raise DataError(f"{place} is no readable .npy file ({error}); numpy.save writes one") from error

    def files(self) -> tuple[Path, ...]:
        """Return the file."""
        return (self.place,)

    def read(self, name: str) -> np.ndarray:
        """Return the whole array, memory-mapped. Raises DataError for a damaged file."""
        try:
            return np.asarray(np.load(self.place, mmap_mode="r", allow_pickle=False))
        except BROKEN as error:
            raise _damaged(self.place, name, error) from error

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """Yield the array in order, some examples (examples, …) at a time."""
        yield from _slices(self.read(name))


def _header(stream: IO[bytes]) -> ArrayHeader:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if min(shape, default=0) < 0 or math.prod(shape) * max(1, dtype.itemsize) > sys.maxsize:
        raise ValueError(f"its header claims the shape {shape}, which no array has")
    return ArrayHeader(shape, dtype, fortran)


def _examples_in(header: ArrayHeader) -> int:
    """Return the number of examples that are read at a time."""
    return max(1, CHUNK_BYTES // max(1, math.prod(header.shape[1:]) * header.dtype.itemsize))


def _slices(array: np.ndarray) -> Iterator[np.ndarray]:
    step = _examples_in(ArrayHeader(array.shape, array.dtype, False))
    for start in range(0, len(array), step):
        yield array[start : start + step]


def _streamed(stream: IO[bytes], header: ArrayHeader) -> Iterator[np.ndarray]:
    step, rest = _examples_in(header), header.shape[1:]
    for start in range(0, header.shape[0], step):
        count = min(step, header.shape[0] - start)
        size = count * math.prod(rest) * header.dtype.itemsize
        data = bytearray(size)
        filled, view = 0, memoryview(data)
        while filled < size:
            if not (got := stream.readinto(view[filled:])):  # type: ignore[attr-defined]
                raise EOFError(f"it ends after {start} of {header.shape[0]} examples")
            filled += got
        yield np.frombuffer(data, header.dtype).reshape(count, *rest)
    stream.read(1)  # at its end the checksum is compared


def _damaged(place: Path, name: str, error: Exception) -> DataError:
    return DataError(f"{place} is damaged: {name} cannot be read ({error}); write the file again")

"""Records of TFRecord files, without TensorFlow.

A record is its length (8 bytes, little-endian), a checksum of these, the data, and a checksum of them: masked CRC-32C. Files
are memory-mapped; where records begin is found once, when they are first asked for.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from automl_cli.data.crc32c import checksums, masked

HEADER, FOOTER = 12, 4
BATCH_BYTES = 1 << 24


class TfRecords:
    """The records of several files in order, each made an example by `parse`.

    Reading raises ValueError for a file that is cut short or altered. Single examples are read without a look at their
    checksum: whoever serves them one by one has read the labels of all before.
    """

    def __init__(self, paths: Sequence[Path], parse: Callable[[bytes], Any]) -> None:
        self._paths, self._parse = tuple(paths), parse

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, row: int) -> Any:
        """Return one example. Raises IndexError for one that is not there."""
        return self._parse(self._data(row))

    def __getitems__(self, rows: Sequence[int]) -> list[Any]:
        """Return these examples. Raises ValueError for one whose data do not fit their checksum."""
        found = [self._data(row) for row in rows]
        self._check(rows, found)
        return [self._parse(data) for data in found]

    @cached_property
    def _maps(self) -> list[mmap.mmap]:
        maps = []
        for path in self._paths:
            with path.open("rb") as file:
                maps.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return maps

    @cached_property
    def _places(self) -> np.ndarray:
        """Return file, offset and length of the data of every record, int64 (records, 3)."""
        places = [place for number in range(len(self._paths)) for place in self._places_in(number)]
        return np.array(places, np.int64).reshape(-1, 3)

    def _places_in(self, number: int) -> list[tuple[int, int, int]]:
        stored, at = self._maps[number], 0
        places: list[tuple[int, int, int]] = []
        headers: list[tuple[bytes, int]] = []
        while at < len(stored):
            if at + HEADER > len(stored):
                raise ValueError(f"{self._paths[number].name} is cut short or altered behind {len(places)} records")
            length, checksum = struct.unpack_from("<QI", stored, at)
            if at + HEADER + length + FOOTER > len(stored):
                raise ValueError(f"{self._paths[number].name} is cut short or altered behind {len(places)} records")
            places.append((number, at + HEADER, length))
            headers.append((stored[at : at + 8], checksum))
            at += HEADER + length + FOOTER
        self._compare([data for data, _ in headers], [checksum for _, checksum in headers], self._paths[number].name, 0)
        return places

    def _data(self, row: int) -> bytes:
        number, offset, length = self._places[row].tolist()
        return bytes(self._maps[number][offset : offset + length])

    def _check(self, rows: Sequence[int], found: list[bytes]) -> None:
        start, size = 0, 0
        for end, data in enumerate(found, 1):
            size += len(data)
            if size >= BATCH_BYTES or end == len(found):
                places = [self._places[row].tolist() for row in rows[start:end]]
                stored = [struct.unpack_from("<I", self._maps[number], at + length)[0] for number, at, length in places]
                self._compare(found[start:end], stored, self._paths[places[0][0]].name, rows[start])
                start, size = end, 0

    def _compare(self, strings: list[bytes], stored: list[int], name: str, first: int) -> None:
        wrong = np.flatnonzero(masked(checksums(strings)) != np.array(stored, np.uint32))
        if wrong.size:
            raise ValueError(f"{name}: the checksum of record {first + int(wrong[0])} is wrong")

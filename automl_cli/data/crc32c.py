"""CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected; RFC 3720, appendix B.4) of many byte strings at a time, with NumPy.

A checksum is linear over bits, and zeros in front do not change it once the first register is folded into the first four bytes.
So strings are padded in front to rows of `ROW` bytes, all rows advance together, and the rows of a string are joined one by
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

POLYNOMIAL = 0x82F63B78
ROW = 256
ONES = np.uint32(0xFFFFFFFF)


def checksums(strings: Sequence[bytes]) -> np.ndarray:
    """Return the checksum of every string, uint32 (strings,).

    >>> [hex(value) for value in checksums([b"123456789", bytes(32), b""])]
    ['0xe3069283', '0x8a9136aa', '0x0']
    """
    lengths = np.array([len(string) for string in strings], np.int64)
    rows = -(-np.maximum(lengths, 4) // ROW)
    ends = np.cumsum(rows)
    data = np.zeros((int(ends[-1]) if len(ends) else 0, ROW), np.uint8)
    flat = data.reshape(-1)
    for string, end in zip(strings, (ends * ROW).tolist(), strict=True):
        flat[end - len(string) : end] = np.frombuffer(string, np.uint8)
        flat[max(end - len(string), 0) : end - len(string) + min(4, len(string))] ^= 0xFF
    partial = _of_rows(data)
    found = np.zeros(len(strings), np.uint32)
    for step in range(int(rows.max(initial=0))):
        going = np.flatnonzero(step < rows)
        found[going] = _past_a_row(found[going]) ^ partial[ends[going] - rows[going] + step]
    found ^= ONES
    for short in np.flatnonzero(lengths < 4).tolist():
        found[short] = _of_short(strings[short])
    return found


def masked(values: np.ndarray) -> np.ndarray:
    """Return checksums as TFRecord files keep them, uint32 (strings,): rotated by 15 bits and moved by a constant."""
    return ((values >> np.uint32(15)) | (values << np.uint32(17))) + np.uint32(0xA282EAD8)


@cache
def _table() -> np.ndarray:
    """Return the register after a byte, for every byte, uint32 (256,)."""
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, (values >> np.uint32(1)) ^ np.uint32(POLYNOMIAL), values >> np.uint32(1))
    return values


def _of_rows(data: np.ndarray) -> np.ndarray:
    table, values = _table(), np.zeros(len(data), np.uint32)
    for column in np.ascontiguousarray(data.T):
        values = table[(values ^ column) & 0xFF] ^ (values >> np.uint32(8))
    return values


@cache
def _row_tables() -> np.ndarray:
    """Return the register after a row of zeros, for every value of each of its four bytes, uint32 (4, 256)."""
    table = _table()
    values = np.arange(256, dtype=np.uint32)[None] << (np.arange(4, dtype=np.uint32)[:, None] * np.uint32(8))
    for _ in range(ROW):
        values = table[values & 0xFF] ^ (values >> np.uint32(8))
    return values


def _past_a_row(values: np.ndarray) -> np.ndarray:
    tables = _row_tables()
    parts = [tables[byte][(values >> np.uint32(8 * byte)) & 0xFF] for byte in range(4)]
    joined: np.ndarray = parts[0] ^ parts[1] ^ parts[2] ^ parts[3]
    return joined


def _of_short(string: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in string:
        value = int(_table()[(value ^ byte) & 0xFF]) ^ (value >> 8)
    return value ^ 0xFFFFFFFF

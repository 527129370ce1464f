"""Files whose parts are sound and whose claims are not: headers of arrays, chunks of PNG files, checksums that fit."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence

SIZES = (0, 1, 2, 3, 4, 12, 255, 2**16, 2**31 - 1, 2**32, 2**40, 2**62, 2**63, 2**64, -1)
"""Extents that a header may claim."""

TYPES = (
    *(
        "|u1",
        "<f4",
        "<f8",
        ">i2",
        "<i8",
        "<u8",
        "|b1",
        "|S1",
        "|S0",
        "<U1",
        "<U1000000000",
        "|V0",
        "|V8",
        "|O",
        "<M8[s]",
        "<c16",
    ),
    *("<f2", "<f16", "[('a', '<f4')]", "[('a', '|O')]", "|u1' + 'x", "nonsense", "(2,)f8", "(1000000000,)f8"),
)
"""Types of numbers that a header may claim, some of them none."""

MEMBERS = (
    *("x.npy", "y.npy", "x_train.npy", "y_test.npy", "ops.npy", "valid.npy", "../x.npy", "/tmp/x.npy", "x.npy/", "CON.npy"),
    *("a/b.npy", ".npy", "x", "é.npy", "y.txt"),
)
SIDES = (0, 1, 7, 9, 255, 2**14, 2**31 - 1, 2**32 - 1)
"""Sides that a picture may claim, in pixels: far more than it has, and more than may be decoded."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)

ZEROS = 2**22
"""Bytes of a member that is all zeros, and takes a thousandth of that in its file."""


def forged_archive(seeds: Sequence[bytes], drawn: bytes) -> bytes:
    """An `.npz` of two arrays whose headers claim shapes and types that their data may not have."""
    stream, method = io.BytesIO(), METHODS[drawn[0] % len(METHODS)]
    with zipfile.ZipFile(stream, "w", method) as archive:
        for first, usual in ((1, "images.npy"), (11, "labels.npy")):
            name, kind, axes, length, *extents = drawn[first : first + 10]
            shape = tuple(SIZES[extent % len(SIZES)] for extent in extents[: axes % 6])
            member = MEMBERS[name % len(MEMBERS)]
            member = usual if name < 128 or member in archive.namelist() else member
            data = bytes(ZEROS) if length == 0 else bytes(range(256))[:length] * (length % 5)
            archive.writestr(zipfile.ZipInfo(member), header(TYPES[kind % len(TYPES)], shape) + data, method)
    return stream.getvalue()


def header(kind: str, shape: tuple[int, ...]) -> bytes:
    """The header of an array, whatever it claims."""
    dtype = kind if kind.startswith("[") else repr(kind)
    text = f"{{'descr': {dtype}, 'fortran_order': {len(shape) == 3}, 'shape': {shape!r}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


KINDS = (
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"iTXt", b"zTXt", b"tEXt", b"iCCP"),
    *(b"acTL", b"fcTL", b"fdAT", b"gAMA", b"pHYs"),
)


def forged_png(seeds: Sequence[bytes], drawn: bytes) -> bytes:
    """A PNG file whose chunks are changed, exchanged or added, with checksums that fit."""
    sound = [seed for seed in seeds if seed.startswith(b"\x89PNG")]
    chunks = list(_chunks(sound[drawn[0] % len(sound)]))
    for at in range(3, len(drawn) - 5, 6):
        what, place, kind, where, value, size = drawn[at : at + 6]
        number = place % len(chunks)
        name, data = chunks[number]
        if what % 4 == 0 and data:
            spot = where % len(data)
            chunks[number] = name, data[:spot] + bytes([value]) + data[spot + 1 :]
        elif what % 4 == 1:
            chunks.insert(number + 1, (KINDS[kind % len(KINDS)], _body(value, size)))
        elif what % 4 == 2:
            chunks[0] = b"IHDR", struct.pack(">II", SIDES[where % 8], SIDES[value % 8]) + chunks[0][1][8:]
        else:
            chunks[number] = KINDS[kind % len(KINDS)], data
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, chunks))


def _body(value: int, size: int) -> bytes:
    """The body of a chunk: a text or a profile that unpacks to a thousand times its size, or some bytes."""
    if value < 64:
        return b"Raw profile type exif\0\0" + zlib.compress(b"exif\n 8\n" + b"0" * (ZEROS if size == 0 else size))
    if value < 128:
        return b"key\0\x01\0\0\0" + zlib.compress(bytes(ZEROS if size == 0 else size))
    return bytes(range(256))[:size] * (value % 7)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(part: tuple[bytes, bytes]) -> bytes:
    name, data = part
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

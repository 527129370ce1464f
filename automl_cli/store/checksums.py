"""The checksum at the end of a line of a journal: `{…,"crc":"0f3a9c11"}`, the CRC-32 of the line before the last comma.

A disk, a memory or an editor that changes a character of a score would otherwise change the winner without a word. A CRC-32
finds every change of up to 32 bits in a row. What has no checksum, as the lines of earlier versions, is taken as it is.
"""

import re
from zlib import crc32

from automl_cli.core.errors import ArtifactError

_END = re.compile(rb',"crc":"([0-9a-f]{8})"}\r?\n\Z')


def with_checksum(line: bytes) -> bytes:
    r"""Return the line of an object with its checksum as the last key.

    >>> with_checksum(b'{"trial":1}\n')
    b'{"trial":1,"crc":"a72ee64d"}\n'
    """
    body = line[:-2]
    return b'%b,"crc":"%08x"}\n' % (body, crc32(body))


def without_checksum(line: bytes, place: str) -> bytes:
    r"""Return the line without its checksum, if it has one. Raises ArtifactError naming the place where that does not fit.
    The ends of lines may have become those of Windows on the way.

    >>> without_checksum(b'{"trial":1,"crc":"a72ee64d"}\n', "journal.jsonl:1")
    b'{"trial":1}\n'
    >>> without_checksum(b'{"trial":1,"crc":"a72ee64d"}\r\n', "journal.jsonl:1")
    b'{"trial":1}\n'
    """
    if (end := _END.search(line)) is None:
        return line
    body, written = line[: end.start()], end[1].decode()
    if (found := f"{crc32(body):08x}") != written:
        raise ArtifactError(
            f"{place}: the line is not as it was written: its checksum is {found}, not {written}, so the file was damaged or "
            "changed by hand. Bring it back from a copy; a line that was changed on purpose has no crc"
        )
    return body + b"}\n"

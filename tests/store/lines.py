"""Lines of journals as somebody writes them who changes one by hand."""

import re


def unsigned(journal: bytes) -> bytes:
    """The journal without the checksums of its lines, so that a changed record is read."""
    return re.sub(rb',"crc":"[0-9a-f]{8}"}', b"}", journal)

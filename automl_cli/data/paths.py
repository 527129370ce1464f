"""Paths as users write them."""

from __future__ import annotations

import os
from pathlib import Path

from automl_cli.core.errors import DataError


def expanded(path: str | Path) -> Path:
    """Return the path with `~` replaced by the home folder. Raises DataError for an account without one.

    >>> expanded("photos/").name
    'photos'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"there is no home folder for {path}; give a path without ~ (--data-dir, TFDS_DATA_DIR)") from error


def shown(path: str | Path) -> str:
    r"""Return a path or a name as text that can be written anywhere: bytes that are no UTF-8 stand as \xe4.

    >>> shown("Bild ü.png"), shown(b"\xe4.png".decode("utf-8", "surrogateescape"))
    ('Bild ü.png', '\\xe4.png')
    """
    try:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # text that names no file in this locale
        return str(path)

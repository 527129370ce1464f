"""Paths as users write them."""

from __future__ import annotations

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

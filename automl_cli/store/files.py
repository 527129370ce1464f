"""Files that are whole or absent, never half written."""

import hashlib
import os
from pathlib import Path

from automl_cli.core.errors import RunFailed

ANOTHER_OUT = "make that possible, or choose another --out"
"""The next step where the user chose the place with --out."""


def replace_file(path: Path, data: bytes, *, hint: str = "") -> None:
    """Write beside the target, flush to the disk, rename over it. RunFailed, with the target untouched, when that fails."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise cannot_write(path, error, hint=hint) from error


def sync_directory(path: Path) -> None:
    """Make renames and new files of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cannot_write(path: Path, error: OSError, *, hint: str = "") -> RunFailed:
    """Return the error for a full disk or a directory that may not be written, with the remedy where one is known."""
    return RunFailed(f"cannot write {path}: {error.strerror or error}{'; ' if hint else ''}{hint}")

"""Files that are whole or absent, never half written."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from automl_cli.core.errors import RunFailed
from automl_cli.store.short_names import short_name

ANOTHER_OUT = "make that possible, or choose another --out"
"""The next step where the user chose the place with --out."""


def replace_file(path: Path, data: bytes, *, hint: str = "") -> None:
    """Write beside the target, flush to the disk, rename over it. RunFailed, with the target untouched, when that fails."""
    draft = beside(path)
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise cannot_write(path, error, hint=hint) from error


def beside(path: Path) -> Path:
    """Return the name under which a file or directory is made before it is renamed to this one."""
    return path.with_name(f".{short_name(path.name)}.{os.getpid()}.tmp")


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

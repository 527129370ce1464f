"""Prepared arrays on disk: written once by one process, memory-mapped by all.

An entry is a folder of `.npy` files. It is written under a temporary name and renamed when complete. `AUTOML_CACHE_DIR` sets
the location; the default is the user's cache folder. The folder may be removed at any time.

Several users may share the folder: an entry is as readable as the umask of its user makes files. What a user may neither read
there nor write is prepared in a folder of that user among temporary files.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import filelock
import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.data.paths import expanded
from automl_cli.store.short_names import short_name
from automl_cli.system.locks import FOR_EVER, holding, remove_lock

FORMAT = 2
"""Version of the cache, part of every key; raise it if the contents of entries, or the resizing of images, change."""

DRAFT = ".draft"
"""Suffix of an entry that is not complete."""

BLOCK = 1 << 20
"""Bytes written at a time if the system cannot reserve disk space."""

NAME_BYTES = 100
"""The bytes of an entry's name that people know it by. The key, and the suffixes of locks and drafts, come behind it."""

NOT_MINE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""Errors of a place that another user owns, or that nobody may write."""

ATTEMPTS = 3
"""How often an entry is prepared, since somebody may remove the folder meanwhile."""

Layout = Mapping[str, tuple[tuple[int, ...], str]]
"""Contents of an entry: name -> (shape, dtype)."""

Write = Callable[[Mapping[str, np.ndarray]], None]
"""A function that fills new arrays, by name."""


def cache_folder() -> Path:
    """Return the folder of prepared arrays: `$AUTOML_CACHE_DIR/data`, else `data` in the user's cache folder for `automl`.

    Raises DataError for an account without a home folder.
    """
    import platformdirs

    try:
        return expanded(os.environ.get("AUTOML_CACHE_DIR") or platformdirs.user_cache_path("automl")) / "data"
    except RuntimeError as error:
        raise DataError("there is no home folder to keep prepared data in; set AUTOML_CACHE_DIR to a folder") from error


def being_prepared(folder: Path) -> bool:
    """Return whether a process is writing this folder of the cache."""
    if folder.suffix != DRAFT:
        return False
    try:
        with holding(folder.with_name(folder.name.partition(".")[0]).with_suffix(".lock"), patience_seconds=0):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # another user's
        return True


def key_of(parts: tuple[str, ...]) -> str:
    """Return the key of the entry that these texts identify."""
    digest = hashlib.blake2b(f"format:{FORMAT}".encode(), digest_size=12)
    for part in parts:
        digest.update(f"|{len(part)}|{part}".encode())
    return digest.hexdigest()


def load_or_prepare(name: str, key: str, layout: Layout, write: Write) -> dict[str, np.ndarray]:
    """Return the arrays of an entry, memory-mapped and read-only; prepare it first if it is missing or broken.

    `name` makes the folder recognisable to people. One process prepares, the others wait for it. Raises DataError where nothing
    can be written, as on a full disk.
    """
    folder = cache_folder()
    entry = f"{short_name(''.join(c if c.isalnum() else '-' for c in name), NAME_BYTES)}-{key}"
    if (arrays := _open(folder / entry, layout)) is not None:
        return arrays
    try:
        arrays = _prepared(folder, entry, layout, write)
    except OSError as error:
        if error.errno not in NOT_MINE:
            raise _cannot_write(folder, error) from error
        folder = folder_of_ones_own(folder, error)
        try:
            arrays = _prepared(folder, entry, layout, write)
        except OSError as again:
            raise _cannot_write(folder, again) from again
    if arrays is None:
        raise DataError(
            f"the prepared arrays at {folder / entry} cannot be read back; check that disk, or set AUTOML_CACHE_DIR to another "
            "folder"
        )
    return arrays


def _prepared(folder: Path, name: str, layout: Layout, write: Write) -> dict[str, np.ndarray] | None:
    """Return the arrays of an entry, prepared again where somebody removed it; None where they cannot be read back."""
    for _ in range(ATTEMPTS - 1):
        with suppress(FileNotFoundError):
            if (arrays := _prepared_once(folder, name, layout, write)) is not None:
                return arrays
    return _prepared_once(folder, name, layout, write)


def _prepared_once(folder: Path, name: str, layout: Layout, write: Write) -> dict[str, np.ndarray] | None:
    """Return the arrays of an entry, prepared unless another process was faster; None where they cannot be read back."""
    entry = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with holding(entry.with_suffix(".lock"), patience_seconds=FOR_EVER):
        if (arrays := _open(entry, layout)) is None:
            _prepare_or_tidy(entry, layout, write)
            arrays = _open(entry, layout)
    return arrays


_said: list[str] = []


def said_of_the_cache() -> list[str]:
    """Return, once, what users should know of where their data were prepared."""
    said = list(dict.fromkeys(_said))
    _said.clear()
    return said


def folder_of_ones_own(shared: Path, error: OSError) -> Path:
    """Return a folder of this user among temporary files, since the shared one could not be used for this error.

    Raises DataError where somebody else made one of that name."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"automl-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != user or status.st_mode & 0o022:
        raise _cannot_write(shared, error) from error
    _said.append(
        f"{shared} may not be used by this user ({error.strerror}), so data are prepared in {folder}; AUTOML_CACHE_DIR names "
        "another folder"
    )
    return folder


def _open(entry: Path, layout: Layout) -> dict[str, np.ndarray] | None:
    """Return the arrays, or None if one is missing, truncated or of another shape or dtype."""
    arrays = {}
    for name, (shape, dtype) in layout.items():
        try:
            array = np.load(entry / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if array.shape != shape or array.dtype != np.dtype(dtype):
            return None
        arrays[name] = array
    return arrays


def _prepare_or_tidy(entry: Path, layout: Layout, write: Write) -> None:
    """Prepare an entry. Where that fails, its lock goes too: a process that waits for it will only fail in the same way."""
    try:
        _prepare(entry, layout, write)
    except BaseException:
        remove_lock(entry.with_suffix(".lock"))
        raise


def _prepare(entry: Path, layout: Layout, write: Write) -> None:
    draft = entry.with_name(f"{entry.name}.{secrets.token_hex(4)}{DRAFT}")
    draft.mkdir()  # and not by `tempfile`, which makes folders for one user alone
    try:
        arrays = {name: _create(draft / f"{name}.npy", shape, dtype) for name, (shape, dtype) in layout.items()}
        write(arrays)
        for array in arrays.values():
            array.flush()
        del arrays
        shutil.rmtree(entry, ignore_errors=True)
        draft.replace(entry)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _create(path: Path, shape: tuple[int, ...], dtype: str) -> np.memmap:
    """Create an array in a new file and reserve its disk space: a write to the map on a full disk would end the process."""
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        else:
            file.seek(-array.nbytes, os.SEEK_END)
            for start in range(0, array.nbytes, BLOCK):
                file.write(bytes(min(BLOCK, array.nbytes - start)))
    return array


def _cannot_write(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"prepared data cannot be written to {folder} ({error.strerror or error}); "
        "make room there, or set AUTOML_CACHE_DIR to another folder"
    )

"""Prepared arrays on disk: written once by one process, memory-mapped by all.

An entry is a folder of `.npy` files. It is written under a temporary name and renamed when complete. `AUTOML_CACHE_DIR` sets
the location; the default is the user's cache folder. The folder may be removed at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import filelock
import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.data.paths import expanded

FORMAT = 2
"""Version of the cache, part of every key; raise it if the contents of entries, or the resizing of images, change."""

DRAFT = ".draft"
"""Suffix of an entry that is not complete."""

BLOCK = 1 << 20
"""Bytes written at a time if the system cannot reserve disk space."""

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
        with filelock.FileLock(folder.with_name(folder.name.partition(".")[0]).with_suffix(".lock"), timeout=0):
            return False
    except filelock.Timeout:
        return True


def key_of(parts: tuple[str, ...]) -> str:
    """Return the key of the entry that these texts identify."""
    digest = hashlib.blake2b(f"format:{FORMAT}".encode(), digest_size=12)
    for part in parts:
        digest.update(f"|{len(part)}|{part}".encode())
    return digest.hexdigest()


def load_or_prepare(name: str, key: str, layout: Layout, write: Write) -> dict[str, np.ndarray]:
    """Return the arrays of an entry, memory-mapped and read-only; prepare it first if it is missing or broken.

    `name` makes the folder recognisable to people. One process prepares, the others wait for it. Raises DataError if the folder
    cannot be written.
    """
    folder = cache_folder()
    entry = folder / f"{''.join(c if c.isalnum() else '-' for c in name)}-{key}"
    if (arrays := _open(entry, layout)) is not None:
        return arrays
    for last in (*(False,) * (ATTEMPTS - 1), True):
        with _writing(folder), nullcontext() if last else suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(entry.with_suffix(".lock")):
                if (arrays := _open(entry, layout)) is None:
                    _prepare_or_tidy(entry, layout, write)
                    arrays = _open(entry, layout)
        if arrays is not None:
            break
    if arrays is None:
        raise DataError(
            f"the prepared arrays at {entry} cannot be read back; check that disk, or set AUTOML_CACHE_DIR to another folder"
        )
    return arrays


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
        entry.with_suffix(".lock").unlink(missing_ok=True)
        raise


def _prepare(entry: Path, layout: Layout, write: Write) -> None:
    draft = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", suffix=DRAFT, dir=entry.parent))
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


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"prepared data cannot be written to {folder} ({error.strerror or error}); "
            "make room there, or set AUTOML_CACHE_DIR to another folder"
        ) from error

"""Prepared arrays on disk: written once by one process, memory-mapped by all.

An entry is a folder of `.npy` files, complete when it is there: it is written beside its place and moved there in one step.
`AUTOML_CACHE_DIR` says where; the default is the user's cache folder. The folder may be removed at any time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import filelock
import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.data.paths import expanded

FORMAT = 1
"""Part of every key: a change of what is stored, or of how images are resized, raises it."""

DRAFT = ".draft"
"""How the name of an entry ends that is not whole yet."""

BLOCK = 1 << 20
"""Bytes that are written at a time where the system cannot reserve room."""

Layout = Mapping[str, tuple[tuple[int, ...], str]]
"""What an entry must hold: name -> (shape, dtype)."""

Write = Callable[[Mapping[str, np.ndarray]], None]
"""Fills freshly created arrays, by name."""


def cache_folder() -> Path:
    """Where prepared arrays lie: `$AUTOML_CACHE_DIR/data`, else `data` in the user's cache folder for `automl`. DataError for
    an account without a home folder."""
    import platformdirs

    try:
        return expanded(os.environ.get("AUTOML_CACHE_DIR") or platformdirs.user_cache_path("automl")) / "data"
    except RuntimeError as error:
        raise DataError("there is no home folder to keep prepared data in; set AUTOML_CACHE_DIR to a folder") from error


def being_prepared(folder: Path) -> bool:
    """Whether a process is writing this folder of the cache."""
    if folder.suffix != DRAFT:
        return False
    try:
        with filelock.FileLock(folder.with_name(folder.name.partition(".")[0]).with_suffix(".lock"), timeout=0):
            return False
    except filelock.Timeout:
        return True


def key_of(parts: tuple[str, ...]) -> str:
    """The name of the entry for what these texts identify."""
    digest = hashlib.blake2b(f"format:{FORMAT}".encode(), digest_size=12)
    for part in parts:
        digest.update(f"|{len(part)}|{part}".encode())
    return digest.hexdigest()


def prepared(name: str, key: str, layout: Layout, write: Write) -> dict[str, np.ndarray]:
    """The arrays of the entry, memory-mapped and read-only; prepared first where they are not there or broken.

    `name` is for people who look into the folder. One process prepares, the others wait for it. Raises DataError when the
    folder cannot be written.
    """
    folder = cache_folder()
    entry = folder / f"{''.join(c if c.isalnum() else '-' for c in name)}-{key}"
    if (arrays := _open(entry, layout)) is not None:
        return arrays
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(entry.with_suffix(".lock")):
            if (arrays := _open(entry, layout)) is None:
                _prepare(entry, layout, write)
                arrays = _open(entry, layout)
    if arrays is None:
        raise DataError(
            f"the prepared arrays at {entry} cannot be read back; check that disk, or set AUTOML_CACHE_DIR to another folder"
        )
    return arrays


def _open(entry: Path, layout: Layout) -> dict[str, np.ndarray] | None:
    """The arrays, or None where one is missing, cut short or not what it should be."""
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
    """An array in a new file whose room on the disk is taken at once: a full disk met through the map ends the process."""
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

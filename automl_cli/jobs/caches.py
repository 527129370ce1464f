"""Lists, clears and trims the caches: compiled programs, and data sets as arrays. Clearing them costs time and no result."""

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import UserError

LARGEST_PROGRAMS = 4 * 2**30
"""Bytes of compiled programs, of all versions and CPUs together. A search leaves some 30 to 100 million behind."""


class CacheFolder(Struct, frozen=True):
    """One folder of a cache. `in_use` is false for programs of another version of jaxlib or another kind of CPU."""

    kind: Literal["programs", "data"]
    path: str
    files: int
    bytes: int
    in_use: bool


def kept_folders() -> list[CacheFolder]:
    """Return every folder of either cache, with its size."""
    from automl_cli.data.cache import cache_folder
    from automl_cli.system.process import compilation_cache, compilation_caches

    present = compilation_cache()
    programs = [_measured("programs", path, in_use=path == present) for path in _folders(compilation_caches())]
    return programs + [_measured("data", path, in_use=True) for path in _folders(cache_folder())]


def root_folders() -> tuple[Path, Path]:
    """Return the folders of compiled programs and of prepared data. UserError where there is no home folder for them."""
    from automl_cli.data.cache import cache_folder
    from automl_cli.system.process import compilation_caches

    return compilation_caches(), cache_folder()


def clear(folders: Iterable[CacheFolder]) -> None:
    """Remove the folders, each whole. OSError where one cannot be removed.

    A process that writes programs meanwhile begins anew, and data that are being prepared stay.
    """
    from automl_cli.data.cache import being_prepared

    for path in (Path(folder.path) for folder in folders):
        if not being_prepared(path):
            removed = path.with_name(f"{path.name}.removed-{os.getpid()}")
            with suppress(FileNotFoundError):  # somebody else was faster
                path.rename(removed)
                with suppress(OSError):  # a file that was being opened when the folder was renamed may still appear in it
                    shutil.rmtree(removed)
                shutil.rmtree(removed)


def trim_programs(largest: int = LARGEST_PROGRAMS) -> int:
    """Remove the compiled programs used longest ago if all take more than this, and return how many bytes were removed.

    A quarter of the limit is free afterwards. A program that another process reads meanwhile is compiled again. Half-written
    files of killed processes are removed after a day; what cannot be removed stays. Without a home folder there is no cache.
    """
    from automl_cli.system.process import compilation_caches

    try:
        files, removed = _files(compilation_caches()), 0
    except UserError:
        return 0
    abandoned = time.time() - 24 * 60 * 60
    kept = sum(status.st_size for _, status in files)
    for file, status in sorted(files, key=lambda pair: max(pair[1].st_atime, pair[1].st_mtime)):
        torn = file.suffix == ".tmp" and status.st_mtime < abandoned
        if torn or (kept > largest and kept - removed > 3 * largest // 4):
            with suppress(OSError):
                file.unlink()
                removed += status.st_size
    return removed


def _files(root: Path) -> list[tuple[Path, os.stat_result]]:
    """Return all files below a folder, except those that cannot be read or that another process removes meanwhile."""
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            with suppress(OSError):
                found.append((Path(folder, name), Path(folder, name).stat()))
    return found


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _measured(kind: Literal["programs", "data"], path: Path, *, in_use: bool) -> CacheFolder:
    sizes = [status.st_size for _, status in _files(path)]
    return CacheFolder(kind, str(path), len(sizes), sum(sizes), in_use)

"""What is kept between runs to save time: compiled programs, and data sets as arrays. Nothing else is lost with it."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

LARGEST_PROGRAMS = 4 * 2**30
"""Bytes of compiled programs, of all versions and CPUs together. A search leaves some 30 to 100 million behind."""


class Kept(Struct, frozen=True):
    """One folder of a cache. `in_use` is false for programs of another version of jaxlib or another kind of CPU."""

    kind: Literal["programs", "data"]
    path: str
    files: int
    bytes: int
    in_use: bool


def kept_folders() -> list[Kept]:
    """Every folder of either cache, with what it holds."""
    from automl_cli.data.cache import cache_folder
    from automl_cli.executors.process import compilation_cache, compilation_caches

    present = compilation_cache()
    programs = [_measured("programs", path, in_use=path == present) for path in _folders(compilation_caches())]
    return programs + [_measured("data", path, in_use=True) for path in _folders(cache_folder())]


def clear(folders: Iterable[Kept]) -> None:
    """Remove the folders. OSError where one cannot be removed."""
    for folder in folders:
        shutil.rmtree(folder.path)


def trim_programs(largest: int = LARGEST_PROGRAMS) -> int:
    """If compiled programs take more than this, remove those used longest ago until a quarter of it is free. Returns how many
    bytes were removed. A program that somebody reads meanwhile is compiled again."""
    from automl_cli.executors.process import compilation_caches

    files = [(file, file.stat()) for file in compilation_caches().rglob("*") if file.is_file()]
    kept, removed = sum(status.st_size for _, status in files), 0
    if kept <= largest:
        return removed
    for file, status in sorted(files, key=lambda pair: max(pair[1].st_atime, pair[1].st_mtime)):
        if kept - removed <= 3 * largest // 4:
            break
        with suppress(OSError):
            file.unlink()
            removed += status.st_size
    return removed


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _measured(kind: Literal["programs", "data"], path: Path, *, in_use: bool) -> Kept:
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return Kept(kind, str(path), len(sizes), sum(sizes), in_use)

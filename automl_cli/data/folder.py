"""A folder of class folders of pictures; or folders `train`, `validation`, `test` of class folders.

A picture's class is the name of its folder. The pictures are grey if the first one of every class is, else in colour; their
recorded orientation is applied. Without `image_size` all must have one size.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.data.decoding import GREY_MODES, decode, header
from automl_cli.data.source import Encoded, Part, Read, Report, SourceDescription

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
PART_NAMES: dict[str, Part] = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}
CHUNK = 256

Listing = dict[str, list[Path]]
"""Paths of pictures by class name, both sorted."""


class FolderSource:
    """Pictures on disk, listed when the source is opened, decoded on demand. Raises DataError for a folder that cannot be
    used."""

    def __init__(self, root: Path, *, image_size: int | None) -> None:
        if not root.is_dir():
            raise DataError(f"no folder at {root}; give a folder that holds one folder of pictures for each class")
        self._root = root
        self._size = image_size
        self._parts = _list_parts(root)
        classes = tuple(self._parts["train"])
        self._check_classes(classes)
        shape = self._common_shape()
        self.description = SourceDescription(
            name=root.resolve().name,
            classes=classes,
            image_shape=shape,
            dtype="uint8",
            parts={part: sum(map(len, listing.values())) for part, listing in self._parts.items()},
            mirror_safe=shape[2] == 3,
        )

    def check_pictures(self) -> None:
        """Check by their headers that all pictures can be prepared in one shape. Raises DataError if not."""
        if self._size is None:
            shape = self.description.image_shape
            for path in (path for part in self._parts for path in self._paths(part)):
                if (extent := header(path)[1]) != shape[:2]:
                    raise DataError(_unequal(path, extent, shape[:2]))

    def identity(self) -> tuple[str, ...]:
        """Return the path of the folder and a digest of all files with size and time of change."""
        digest = hashlib.blake2b(digest_size=16)
        for part in sorted(self._parts):
            for path in self._paths(part):
                status = path.stat()
                digest.update(f"{path.relative_to(self._root)}|{status.st_size}|{status.st_mtime_ns}\n".encode())
        return ("folder", str(self._root.resolve()), digest.hexdigest())

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """Return the labels of a part, (examples,) int32."""
        listing = self._parts[part]
        counts = [len(listing.get(name, ())) for name in self.description.classes]
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the pictures at these indices in chunks (examples, height, width, channels), uint8."""
        paths = self._paths(part)
        for start in range(0, len(indices), CHUNK):
            yield np.stack([self._picture(paths[index]) for index in indices[start : start + CHUNK]])

    def encoded(self, part: Part) -> Read:
        """Return a function from an index to the stored picture."""
        paths = self._paths(part)
        return lambda index: Encoded(_bytes_of(paths[index]), str(paths[index]), upright=True)

    def _paths(self, part: Part) -> list[Path]:
        listing = self._parts[part]
        return [path for name in self._parts["train"] for path in listing.get(name, ())]

    def _picture(self, path: Path) -> np.ndarray:
        shape = self.description.image_shape
        picture = decode(_bytes_of(path), str(path), channels=shape[2], size=self._size, upright=True)
        if picture.shape != shape:
            raise DataError(_unequal(path, picture.shape[:2], shape[:2]))
        return picture

    def _check_classes(self, classes: tuple[str, ...]) -> None:
        if len(classes) < 2:
            raise DataError(f"{self._root} holds {len(classes)} class folders with pictures; classification needs at least two")
        for part, listing in self._parts.items():
            if unknown := sorted(set(listing) - set(classes)):
                raise DataError(
                    f"{self._root}: the {part} folder has a class {unknown[0]!r} that the train folder lacks; "
                    f"allowed: {', '.join(classes)}"
                )

    def _common_shape(self) -> tuple[int, int, int]:
        """Return the shape of the prepared pictures, from the headers of the first picture of every class."""
        first_pictures = [pictures[0] for pictures in self._parts["train"].values()]
        headers = [header(path) for path in first_pictures]
        channels = 1 if all(mode in GREY_MODES for mode, _ in headers) else 3
        if self._size is not None:
            return (self._size, self._size, channels)
        common = headers[0][1]
        for path, (_, extent) in zip(first_pictures, headers, strict=True):
            if extent != common:
                raise DataError(_unequal(path, extent, common))
        return (*common, channels)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error


def _unequal(path: Path, extent: tuple[int, ...], common: tuple[int, ...]) -> str:
    return (
        f"{path} has {extent[0]}×{extent[1]} pixels, others have {common[0]}×{common[1]}; "
        "give --image-size to bring them to one size"
    )


def _list_parts(root: Path) -> dict[Part, Listing]:
    folders = _folders(root)
    if "train" in folders and all(name in PART_NAMES for name in folders):
        parts: dict[Part, Listing] = {}
        for name in folders:
            if PART_NAMES[name] in parts:
                raise DataError(f"{root} has two folders for its {PART_NAMES[name]} part; keep one")
            parts[PART_NAMES[name]] = _list_classes(root / name)
        return parts
    return {"train": _list_classes(root)}


def _list_classes(root: Path) -> Listing:
    listing = {name: _pictures(root / name) for name in _folders(root)}
    if empty := [name for name, pictures in listing.items() if not pictures]:
        raise DataError(f"{root / empty[0]} holds no picture ({', '.join(sorted(SUFFIXES))}); add some or remove the folder")
    return listing


def _folders(root: Path) -> list[str]:
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def _pictures(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_file() and not entry.name.startswith("."))
    return [folder / name for name in names if Path(name).suffix.lower() in SUFFIXES]

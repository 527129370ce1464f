"""An `.npz` file of arrays: `x_train, y_train, x_test, y_test` (and `x_validation, y_validation`), or `images, labels`.

Images are (examples, height, width) or (examples, height, width, channels), uint8 or float; labels are whole numbers from 0,
(examples,) or (examples, 1). Only the headers of the images are read before they are needed. The labels of all parts are read
and checked at once: which classes exist is a fact like the shapes, and reveals nothing about test scores.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.data.paths import expanded
from automl_cli.data.resizing import fit
from automl_cli.data.source import Part, Read, Report, SourceDescription, no_pictures_error

LAYOUTS: tuple[dict[Part, tuple[str, str]], ...] = (
    {"train": ("x_train", "y_train"), "validation": ("x_validation", "y_validation"), "test": ("x_test", "y_test")},
    {"train": ("images", "labels")},
)
CHUNK = 1024
BROKEN = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


class NpzSource:
    """A data set in one `.npz` file. Raises DataError for a file that cannot be used."""

    def __init__(self, path: Path, *, image_size: tuple[int, int] | None) -> None:
        self._path = expanded(path)
        self._size = image_size
        if not self._path.is_file():
            raise DataError(f"no file at {path}; give an existing .npz file with images and labels")
        headers = self._headers()
        self._keys = self._layout(headers)
        shapes = {part: self._image_shape(headers, keys) for part, keys in self._keys.items()}
        if len(set(shapes.values())) > 1:
            raise DataError(f"{path}: the parts hold images of different shape and type: {shapes}; they must be alike")
        shape, kind = shapes["train"]
        labels = self.labels_unchecked("train")
        self.description = SourceDescription(
            name=path.stem,
            classes=tuple(map(str, range(self._count_classes(labels)))),
            image_shape=(*image_size, shape[2]) if image_size else shape,
            dtype="uint8" if kind == "uint8" else "float32",
            parts={part: headers[keys[0]][0][0] for part, keys in self._keys.items()},
            mirror_safe=shape[2] > 1,
        )
        for part in self._keys:
            self.labels(part, lambda count: None)

    def identity(self) -> tuple[str, ...]:
        """Return the path of the file with its size and time of change."""
        status = self._path.stat()
        return ("npz", str(self._path.resolve()), str(status.st_size), str(status.st_mtime_ns))

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """Return the labels of a part, (examples,) int32. Raises DataError for labels outside the range of the training
        labels."""
        labels = self.labels_unchecked(part)
        most = len(self.description.classes) - 1
        if labels.min() < 0 or labels.max() > most:
            raise DataError(
                f"{self._path}: {self._keys[part][1]} reaches from {labels.min()} to {labels.max()}; "
                f"the training labels reach from 0 to {most}"
            )
        return labels.astype(np.int32)

    def labels_unchecked(self, part: Part) -> np.ndarray:
        """Return the stored labels of a part, (examples,)."""
        return self._read(self._keys[part][1]).reshape(-1)

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the images at these indices in chunks (examples, height, width, channels). Raises DataError if one is not
        finite."""
        key = self._keys[part][0]
        images = self._read(key)
        images = images.reshape(*images.shape[:3], -1)
        for start in range(0, len(indices), CHUNK):
            chunk = images[indices[start : start + CHUNK]].astype(self.description.dtype, copy=False)
            if not np.isfinite(chunk).all():
                raise DataError(f"{self._path}: {key} holds values that are not finite; images must be finite numbers")
            yield np.stack([fit(image, self._size) for image in chunk])

    def check_pictures(self) -> None:
        """Check nothing: the file holds arrays."""

    def class_counts(self) -> tuple[int, ...]:
        """Return the number of examples of every class in all parts together."""
        labels = np.concatenate([self.labels(part, lambda count: None) for part in self.description.parts])
        return tuple(np.bincount(labels, minlength=len(self.description.classes)).tolist())

    def groups(self, part: Part) -> None:
        """Return None: no examples belong together."""

    def notes(self) -> tuple[str, ...]:
        """Return nothing: the arrays are read as they are."""
        return ()

    def encoded(self, part: Part) -> Read:
        """Refuse: the file has no encoded pictures. Raises DataError."""
        raise no_pictures_error(str(self._path))

    def _headers(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Return shape and dtype of every array by name, from its first bytes."""
        found = {}
        try:
            with zipfile.ZipFile(self._path) as archive:
                for member in archive.namelist():
                    with archive.open(member) as stream:
                        found[member.removesuffix(".npy")] = _array_header(stream)
        except BROKEN as error:
            raise DataError(f"{self._path} is no readable .npz file ({error}); numpy.savez_compressed writes one") from error
        return found

    def _layout(self, headers: dict[str, Any]) -> dict[Part, tuple[str, str]]:
        for layout in LAYOUTS:
            if set(layout["train"]) <= set(headers):
                return {part: keys for part, keys in layout.items() if set(keys) <= set(headers)}
        raise DataError(
            f"{self._path} holds {', '.join(headers) or 'nothing'}; it needs x_train, y_train, x_test, y_test or images, labels"
        )

    def _image_shape(self, headers: dict[str, Any], keys: tuple[str, str]) -> tuple[tuple[int, int, int], str]:
        (shape, dtype), (label_shape, label_dtype) = headers[keys[0]], headers[keys[1]]
        if len(shape) not in (3, 4) or 0 in shape:
            raise DataError(
                f"{self._path}: {keys[0]} has shape {shape}; images are (examples, height, width) "
                "or (examples, height, width, channels)"
            )
        if dtype != np.uint8 and dtype.kind != "f":
            raise DataError(f"{self._path}: {keys[0]} holds {dtype}; images are uint8 or floating-point numbers")
        if label_dtype.kind not in "iu" or label_shape not in ((shape[0],), (shape[0], 1)):
            raise DataError(
                f"{self._path}: {keys[1]} has shape {label_shape} of {label_dtype}; the {shape[0]} images of {keys[0]} "
                f"need whole numbers of shape ({shape[0]},)"
            )
        height, width, channels = (*shape[1:], 1)[:3]
        return (height, width, channels), "uint8" if dtype == np.uint8 else "float"

    def _count_classes(self, labels: np.ndarray) -> int:
        """Return the number of classes of the training labels, which must be 0 … k - 1 without gaps."""
        present = np.unique(labels)
        if len(present) < 2 or present[0] != 0 or present[-1] != len(present) - 1:
            listing = ", ".join(map(str, present[:8])) + (", …" if len(present) > 8 else "")
            raise DataError(
                f"{self._path}: {self._keys['train'][1]} holds the labels {listing}; "
                "they must be 0, 1, … without gaps, at least two of them"
            )
        return len(present)

    def _read(self, key: str) -> np.ndarray:
        try:
            with np.load(self._path, allow_pickle=False) as archive:
                return np.asarray(archive[key])
        except BROKEN as error:
            raise DataError(f"{self._path} is damaged: {key} cannot be read ({error}); write the file again") from error


def _array_header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype

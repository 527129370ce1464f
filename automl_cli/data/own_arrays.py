"""Keeps arrays that a program holds as a data set with a file: once, under a name made of their content, in the cache of
prepared data. The same arrays are the same data set in every process, so that a resumed search recognises them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.core.plugin_calls import type_in_words
from automl_cli.data.cache import NOT_MINE, cache_folder, folder_of_ones_own
from automl_cli.store.files import beside

PARTS: Mapping[str, tuple[str, str]] = {
    "train": ("x_train", "y_train"),
    "validation": ("x_val", "y_val"),
    "test": ("x_test", "y_test"),
}
"""The parts of a data set, with the names of their images and labels in the file."""

FORMS = '(images, labels), or {"train": (images, labels), "test": (images, labels)}, with "validation" if you like'


def is_arrays(dataset: Any) -> bool:
    """Return whether a data set is given as arrays, and not by name or path."""
    return not isinstance(dataset, str | os.PathLike)


def kept_arrays(dataset: Any) -> Path:
    """Write arrays into the cache, unless the same are there already, and return their `.npz` file.

    `dataset` is (images, labels), or a mapping of "train", "test" and "validation" to such pairs; whatever NumPy takes for an
    array will do. Images are (examples, height, width) or (examples, height, width, channels), labels (examples,). Raises
    DataError for anything else.
    """
    arrays = _named(dataset)
    digest = _digest(arrays)
    folder = cache_folder()
    try:
        try:
            return _written(folder, digest, arrays)
        except OSError as error:
            if error.errno not in NOT_MINE:
                raise
            folder = folder_of_ones_own(folder, error)
            return _written(folder, digest, arrays)
    except OSError as error:
        raise DataError(
            f"the arrays cannot be kept in {folder}: {error.strerror or error}; set AUTOML_CACHE_DIR to another folder"
        ) from error


def _written(folder: Path, digest: str, arrays: Mapping[str, np.ndarray]) -> Path:
    """Return the file of these arrays in a folder, written unless it is there and can be read."""
    file = folder / f"arrays-{digest}" / f"arrays-{digest}.npz"
    if file.is_file() and os.access(file, os.R_OK):
        return file
    draft = beside(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        draft.replace(file)
    finally:
        with suppress(OSError):
            draft.unlink()
    return file


def _named(dataset: Any) -> dict[str, np.ndarray]:
    """Return the arrays by their names in the file."""
    if not isinstance(dataset, Mapping):
        return dict(zip(("images", "labels"), _pair(dataset, "dataset"), strict=True))
    if unknown := sorted(set(map(str, dataset)) - set(PARTS)):
        raise DataError(f"dataset has a part {unknown[0]!r}; its parts are: {', '.join(PARTS)}")
    if "train" not in dataset:
        raise DataError(f'dataset has no part "train"; give {FORMS}')
    pairs = ((PARTS[part], _pair(value, f"dataset[{part!r}]")) for part, value in dataset.items())
    return {name: array for names, pair in pairs for name, array in zip(names, pair, strict=True)}


def _pair(value: Any, place: str) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise DataError(f"{place} is {type_in_words(value)}; give {FORMS}")
    images, labels = (np.asarray(item) for item in value)
    for what, array in (("images", images), ("labels", labels)):
        if array.dtype.hasobject:
            raise DataError(f"{place}: the {what} are Python objects of different shapes or types; give an array of numbers")
    return images, labels


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Return a digest of names, types, shapes and numbers."""
    digest = hashlib.blake2b(digest_size=8)
    for name, array in arrays.items():
        digest.update(f"|{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return digest.hexdigest()

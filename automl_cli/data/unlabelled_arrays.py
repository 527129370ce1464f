"""Images in `.npz` and `.npy` files without labels, read as arrays of a data set are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import by_times, counted
from automl_cli.data.array_axes import ArrayLayout, layout_of, picture_shape
from automl_cli.data.array_files import ArrayFiles, ArrayHeader, NpyFile, NpzFile
from automl_cli.data.array_names import meaning_of
from automl_cli.data.array_scans import extremes_of
from automl_cli.data.paths import shown
from automl_cli.data.pixel_range import NONE_SEEN, as_bytes, range_of, with_more
from automl_cli.data.resizing import colour_named, fit, grey_level

if TYPE_CHECKING:
    from automl_cli.data.unlabelled import ImageReading

ARRAY_ENDINGS = (".npz", ".npy")


@dataclass(frozen=True)
class ArrayOptions:
    """Settings for arrays: the name of the one that holds the images, where channels stand, and the numbers that are black and
    white. None leaves it to the model's data set, and then to the numbers."""

    array: str | None = None
    layout: ArrayLayout | None = None
    pixel_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class UnlabelledArray:
    """Images of one array."""

    files: ArrayFiles
    key: str
    options: ArrayOptions

    @property
    def names(self) -> Sequence[str]:
        """Return how each image is called: by its file, the array and its number."""
        shape = self.files.headers[self.key].shape
        count = 1 if len(shape) == 2 else shape[0]
        array = f":{self.key}" if self.files.place.suffix.lower() == ".npz" else ""
        return [f"{shown(self.files.place)}{array}[{number}]" for number in range(count)]

    def images(self, reading: ImageReading, *, depth: int) -> Iterator[np.ndarray]:
        """Yield each image as (height, width, channels) uint8; `depth` is for pictures, which are decoded.

        Raises DataError for other channels than the model's, for numbers of an unknown range and for NaN.
        """
        where = _where(self.files, self.key)
        header = self.files.headers[self.key]
        shape = (1, *header.shape) if len(header.shape) == 2 else header.shape
        layout = layout_of(shape, self.options.layout or reading.dataset.layout, where)
        black_and_white = self._range(reading, where)
        channels, wanted = picture_shape(shape, layout)[2], reading.shape[2]
        if channels not in (1, wanted):
            raise DataError(f"{where} has images of {counted(channels, 'channel')}, the model takes {wanted}")
        colour = colour_named(reading.dataset.background)
        margin = colour if wanted == 3 else (grey_level(colour),) * wanted
        for stored in self.files.chunks(self.key) if len(header.shape) > 2 else (self.files.read(self.key)[None],):
            images = stored.transpose(0, 2, 3, 1) if layout == "nchw" and stored.ndim == 4 else stored
            images = images.reshape(*images.shape[:3], -1)
            images = images if black_and_white is None else as_bytes(images, black_and_white)
            for image in np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], wanted))):
                yield fit(image, reading.shape[:2], how=reading.dataset.resize, margin=margin)

    def _range(self, reading: ImageReading, where: str) -> tuple[float, float] | None:
        """Return the numbers that are black and white; None for bytes as they are."""
        dtype = self.files.headers[self.key].dtype
        given = self.options.pixel_range or reading.dataset.pixel_range
        if dtype.kind == "b":
            return 0.0, 1.0
        if dtype == np.uint8:
            return given
        if isinstance(self.files, HeldArray):
            seen = with_more(NONE_SEEN, 0, self.files.read(self.key))
        else:
            seen = extremes_of(self.files, self.key)
        if seen.not_finite:
            raise DataError(f"{where}: picture {seen.first_not_finite} holds NaN or infinity; replace or remove it")
        return given or range_of(seen.low, seen.high, dtype, where)


class HeldArray:
    """An array that a program holds, under the name that its images are called by."""

    def __init__(self, array: Any, name: str) -> None:
        self._array = np.asarray(array)
        self.place = Path(name)
        self.headers = {name: ArrayHeader(self._array.shape, self._array.dtype, False)}

    def files(self) -> tuple[Path, ...]:
        """Return no files: there are none."""
        return ()

    def read(self, name: str) -> np.ndarray:
        """Return the whole array."""
        return self._array

    def chunks(self, name: str) -> Iterator[np.ndarray]:
        """Yield the whole array."""
        yield self._array


def held_unlabelled(array: Any, name: str, options: ArrayOptions) -> UnlabelledArray:
    """Return the images of an array that a program holds. Raises DataError for one that holds no images."""
    return _opened(HeldArray(array, name), name, options)


def open_unlabelled(path: Path, options: ArrayOptions) -> UnlabelledArray:
    """Open the images of an array file: the array named, else the only one that its name or its shape says.

    Raises DataError where there is none, several, or one that holds no images.
    """
    files: ArrayFiles = NpzFile(path) if path.suffix.lower() == ".npz" else NpyFile(path)
    return _opened(files, _chosen(files, options.array), options)


def _opened(files: ArrayFiles, key: str, options: ArrayOptions) -> UnlabelledArray:
    """Return the images of an array by its name. Raises DataError for one that holds no images."""
    shape, dtype, _ = files.headers[key]
    if len(shape) not in (2, 3, 4) or 0 in shape or dtype.hasobject or dtype.kind not in "biuf":
        kind = "Python objects" if dtype.hasobject else f"{dtype} of shape {by_times(shape) or 'one number'}"
        raise DataError(
            f"{_where(files, key)} holds {kind}; images are numbers of shape (examples, height, width), (examples, height, "
            "width, channels) or (examples, channels, height, width)"
        )
    return UnlabelledArray(files, key, options)


def _where(files: ArrayFiles, key: str) -> str:
    """Return what errors call an array: its file and its name, or the name alone of one that has no file."""
    return key if isinstance(files, HeldArray) else f"{shown(files.place)}: {key}"


def _chosen(files: ArrayFiles, name: str | None) -> str:
    place, keys = shown(files.place), list(files.headers)
    if name is not None and len(keys) > 1:
        if name not in keys:
            raise DataError(f"{place} holds no array {name!r}; it holds {', '.join(keys)}")
        return name
    named = [key for key in keys if (meaning := meaning_of(key)) is not None and meaning.holds == "images"]
    shaped = [key for key in keys if len(files.headers[key].shape) in (3, 4)]
    for found in (named, shaped, keys):
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(f"{place} holds several arrays that may be the images: {', '.join(found)}; say which with --array")
    raise DataError(f"{place} holds no array")

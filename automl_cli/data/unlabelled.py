"""Pictures and arrays without labels, read as those of a data set are: what a trained model is to name.

Files are found first, without opening more than headers; pixels are read as they are needed, by threads ahead of their use. A
file that cannot be read comes as a `Fault` in its place.
"""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import counted
from automl_cli.data.crops import central_box
from automl_cli.data.decoding import decode, decode_window, traits
from automl_cli.data.listing import SUFFIXES
from automl_cli.data.paths import expanded, shown
from automl_cli.data.prefetch import prefetch_map
from automl_cli.data.resizing import colour_named
from automl_cli.data.source import WHITE_8, Rendering
from automl_cli.data.survey import AHEAD, SHOWN, Fault, levels_of
from automl_cli.data.unlabelled_arrays import ARRAY_ENDINGS, ArrayOptions, UnlabelledArray, open_unlabelled
from automl_cli.system.machine import available_cores
from automl_cli.values.dataset import DatasetReference

FLOATING = (".pfm", ".tif", ".tiff")
"""Endings of formats that may hold floating-point pixels."""


@dataclass(frozen=True)
class ImageReading:
    """A model's images: their shape (height, width, channels), the data set of the training, which says how pictures become
    such images, and whether it was streamed."""

    shape: tuple[int, int, int]
    dataset: DatasetReference
    streamed: bool


@dataclass(frozen=True)
class Pictures:
    """Picture files, with the names that they are called by."""

    paths: tuple[Path, ...]
    names: tuple[str, ...]

    def images(self, reading: ImageReading, *, depth: int = AHEAD) -> Generator[np.ndarray | Fault, None, None]:
        """Yield each picture as (height, width, channels) uint8, or why it cannot be read."""
        channels = reading.shape[2]
        if channels not in (1, 3):
            raise DataError(
                f"the model takes images of {counted(channels, 'channel')}, as arrays have them; pictures have 1 or 3"
            )
        white, faults = _levels(self)
        rendering = Rendering(colour_named(reading.dataset.background), white)
        work = partial(_image, reading=reading, rendering=rendering, faults=faults)
        return prefetch_map(zip(self.paths, self.names, strict=True), work, threads=available_cores(), depth=depth)


def _image(
    named: tuple[Path, str], *, reading: ImageReading, rendering: Rendering, faults: dict[str, str]
) -> np.ndarray | Fault:
    path, name = named
    if name in faults:
        return Fault(name, faults[name])
    where = str(path)
    try:
        data = path.read_bytes()
        if reading.shape[2] == 1 and _in_colour(data, where):  # a data set of grey pictures holds none
            image = _decoded(data, where, replace(reading, shape=(*reading.shape[:2], 3)), rendering)
            return np.asarray(Image.fromarray(image).convert("L"))[..., None]
        return _decoded(data, where, reading, rendering)
    except OSError as error:
        return Fault(name, f"it cannot be read: {error.strerror or error}")
    except DataError as error:
        return Fault(name, getattr(error, "reason", None) or _without(where, str(error)))


def _in_colour(data: bytes, where: str) -> bool:
    try:
        return not traits(io.BytesIO(data), where).grey
    except DataError:  # decoding says what is wrong with it
        return False


def _decoded(data: bytes, where: str, reading: ImageReading, rendering: Rendering) -> np.ndarray:
    height, width, channels = reading.shape
    if reading.streamed:
        window = partial(central_box, aspect=width / height)
        return decode_window(data, where, window, shape=reading.shape, upright=True, rendering=rendering)
    return decode(
        data,
        where,
        channels=channels,
        size=(height, width),
        upright=True,
        how=reading.dataset.resize,
        rendering=rendering,
    )


def _without(where: str, message: str) -> str:
    """Return the message of an error without the name of the file that it begins with."""
    return message.removeprefix(f"{where} ")


def _levels(pictures: Pictures) -> tuple[float, dict[str, str]]:
    """Return the number that is white in floating-point pictures, as in a data set of these; and faults by name."""
    levels, faults = [], {}
    for path, name in zip(pictures.paths, pictures.names, strict=True):
        with suppress(OSError):
            if path.exists() and not path.is_file():
                faults[name] = "it is no regular file"  # opening a pipe would wait for ever
                continue
            if path.suffix.lower() not in FLOATING:
                continue
            try:
                if traits(path, str(path)).floating:
                    levels.append(levels_of(path.read_bytes(), str(path))[1])
            except DataError as error:
                faults[name] = getattr(error, "reason", str(error))
    return (1.0 if levels and max(levels) <= 1 else WHITE_8), faults


@dataclass(frozen=True)
class NamedImages:
    """Everything that is to be named, in the order given; `left_out` counts files of folders that are no pictures."""

    parts: tuple[Pictures | UnlabelledArray, ...]
    left_out: int

    def __len__(self) -> int:
        return sum(len(part.names) for part in self.parts)

    @property
    def names(self) -> Iterator[str]:
        """Yield how each image is called, in order."""
        for part in self.parts:
            yield from part.names

    def images(self, reading: ImageReading, *, depth: int = AHEAD) -> Iterator[np.ndarray | Fault]:
        """Yield each image as (height, width, channels) uint8, or why it cannot be read."""
        for part in self.parts:
            yield from part.images(reading, depth=depth)


def gathered(places: Sequence[Path | UnlabelledArray], options: ArrayOptions) -> NamedImages:
    """Return all pictures of files and folders, the images of `.npz` and `.npy` files, and those of arrays as they are.

    Raises DataError that names all places that are missing, and for a folder without pictures.
    """
    places = [place if isinstance(place, UnlabelledArray) else expanded(place) for place in places]
    if missing := [shown(place) for place in places if isinstance(place, Path) and not place.exists()]:
        more = f", and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise DataError(f"no file or folder at {', '.join(missing[:SHOWN])}{more}")
    parts: list[Pictures | UnlabelledArray] = []
    found: list[tuple[Path, str]] = []
    left_out = 0
    for place in places:
        if isinstance(place, UnlabelledArray):
            parts += [*_pictures(found), place]
            found = []
        elif place.suffix.lower() in ARRAY_ENDINGS and place.is_file():
            parts += [*_pictures(found), open_unlabelled(place, options)]
            found = []
        elif place.is_dir():
            here, others = _below(place)
            found, left_out = found + here, left_out + others
        else:
            found.append((place, shown(place)))
    return NamedImages((*parts, *_pictures(found)), left_out)


def _pictures(found: list[tuple[Path, str]]) -> list[Pictures]:
    return [Pictures(*(tuple(column) for column in zip(*found, strict=True)))] if found else []


def _below(folder: Path) -> tuple[list[tuple[Path, str]], int]:
    """Return the pictures below a folder by name, with what they are called, and how many other files are there.

    Hidden files and folders are not looked at.
    """
    found: list[Path] = []
    others = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = sorted(name for name in names if not name.startswith("."))
        pictures = [Path(place, name) for name in visible if Path(name).suffix.lower() in SUFFIXES]
        found, others = found + pictures, others + len(visible) - len(pictures)
    if not found:
        raise DataError(f"{shown(folder)} holds no picture ({', '.join(sorted(SUFFIXES))})")
    return [(path, shown(path)) for path in found], others

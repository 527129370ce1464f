"""What an image data set looks like to the rest: its parts, its labels, its images by index, its identity.

A source has been checked when it exists; it has decoded nothing yet. `open_source` finds the right kind for a reference.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from automl_cli.core.datasets import DatasetReference
from automl_cli.core.errors import DataError
from automl_cli.data.catalogue import EMBEDDED, TFDS_IMAGE_SETS, base_name, canonical_name, unknown_dataset
from automl_cli.data.places import expanded

if TYPE_CHECKING:
    import numpy as np

Part = Literal["train", "validation", "test"]

SIZE_LIMITS = (4, 1024)
"""Smallest and largest `image_size`, in pixels."""


@dataclass(frozen=True)
class Description:
    """What is known of a source without decoding it. `parts` holds the number of examples of each part there is.

    `image_shape` is (height, width, channels) after resizing. `mirror_safe` says that a mirrored image is as good as the image.
    """

    name: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    dtype: Literal["uint8", "float32"]
    parts: Mapping[Part, int]
    mirror_safe: bool


class Encoded(NamedTuple):
    """A picture as it is stored: its bytes, what to call it, and whether to turn it as its camera noted."""

    data: bytes
    where: str
    upright: bool


Read = Callable[[int], Encoded]
"""Index of a picture -> the picture. May be called by several threads at a time."""


Report = Callable[[int], None]
"""Called with how many examples have been read since the last time."""


class Source(Protocol):
    """One data set, opened and checked."""

    description: Description

    def identity(self) -> tuple[str, ...]:
        """Everything that decides the prepared arrays: name, version, files with size and time of change. Cheap."""
        ...

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """int32 (examples,), each an index into the classes. Raises DataError for labels that are missing or out of range.

        `report` is told where it takes long.
        """
        ...

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """The images at these rising indices, in chunks (some, height, width, channels). Raises DataError naming a broken
        one."""
        ...

    def encoded(self, part: Part) -> Read:
        """Its pictures as they are stored. Raises DataError where the source holds arrays."""
        ...


def open_source(reference: DatasetReference) -> Source:
    """The source that a reference names, checked. Raises DataError with what, where, what is allowed, and the next step.

    A path (`./set`, `set.npz`) is a path; a name is looked up among the embedded sets, then in TFDS (its own list, or a folder
    under the data directory), and is a folder in the working directory only where no set has that name.
    """
    check_numbers(reference)
    text = reference.source
    if not text:
        raise unknown_dataset(text)
    if text.endswith(".npz"):
        from automl_cli.data.archive import ArchiveSource

        return ArchiveSource(Path(text), image_size=reference.image_size)
    if text.startswith((".", "~", os.sep)):
        return _open_folder(reference)
    name = canonical_name(text)
    if name in EMBEDDED:
        from automl_cli.data.digits import DigitsSource

        return DigitsSource(image_size=reference.image_size)
    data_dir = tfds_folder(reference.data_dir)
    if base_name(name) in TFDS_IMAGE_SETS or (base_name(name) and (data_dir / base_name(name)).is_dir()):
        from automl_cli.data.tfds import TfdsSource

        return TfdsSource(name, data_dir, image_size=reference.image_size)
    if Path(text).is_dir():
        return _open_folder(reference)
    raise unknown_dataset(text)


def holds_arrays(name: str) -> DataError:
    """The error for pictures that are asked of a source without any."""
    return DataError(
        f"{name} holds arrays of pixels; --augmentation inception crops pictures, those of a TFDS set or of a folder; "
        "train with --augmentation standard"
    )


def tfds_folder(data_dir: str | None) -> Path:
    """Where prepared TFDS sets are looked for: `--data-dir`, else TFDS_DATA_DIR, else TFDS's own default."""
    return expanded(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")


def _open_folder(reference: DatasetReference) -> Source:
    from automl_cli.data.folder import FolderSource

    return FolderSource(expanded(reference.source), image_size=reference.image_size)


def reference_for(source: str, image_shape: tuple[int, int, int]) -> DatasetReference:
    """The data set of this source with images of this shape (height, width, channels), where it has such images at all.

    An `image_size` makes squares of `SIZE_LIMITS`; images of any other shape are taken as they are.

    >>> reference_for("digits", (16, 16, 1)).image_size
    16
    >>> reference_for("./photos", (24, 36, 3)).image_size is None
    True
    """
    height, width, _ = image_shape
    least, most = SIZE_LIMITS
    return DatasetReference(source=source, image_size=height if height == width and least <= height <= most else None)


def check_numbers(reference: DatasetReference) -> None:
    """Raises DataError for numbers that fit no data set."""
    least, most = SIZE_LIMITS
    if reference.image_size is not None and not least <= reference.image_size <= most:
        raise DataError(f"--image-size is {reference.image_size}; it may be {least} to {most} pixels")
    if reference.train_examples is not None and reference.train_examples < 2:
        raise DataError(f"--train-examples is {reference.train_examples}; it must be at least 2")

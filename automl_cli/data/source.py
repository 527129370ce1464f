"""The interface of an image data set: its parts, labels, images by index, and identity.

A source is checked when it is made and has decoded nothing yet. `data.opening` finds the source that a reference names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from automl_cli.core.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class SourceDescription:
    """Facts of a source that are known without decoding. `parts` holds the number of examples of each existing part.

    `image_shape` is (height, width, channels) after resizing. `mirror_safe` says that a mirrored image is a valid example,
    `skipped` names the pictures that cannot be read and are left out, and `why_not_split` says why no splits can be drawn.
    """

    name: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    dtype: Literal["uint8", "float32"]
    parts: Mapping[Part, int]
    mirror_safe: bool
    skipped: tuple[str, ...] = ()
    why_not_split: str | None = None


Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

WHITE: Colour = (255, 255, 255)
WHITE_8 = 255.0


class Rendering(NamedTuple):
    """The colour under transparent pixels, and the number that is white in floating-point pictures."""

    background: Colour = WHITE
    white: float = WHITE_8


PLAIN = Rendering()
"""The rendering of pictures of which nothing else is said."""


class Encoded(NamedTuple):
    """A stored picture: its bytes, its name for errors, whether to apply the orientation that its camera recorded, and how its
    pixels become bytes."""

    data: bytes
    where: str
    upright: bool
    rendering: Rendering = PLAIN


Read = Callable[[int], Encoded]
"""Index of a picture -> the picture. Several threads may call it at a time."""


Report = Callable[[int], None]
"""A function called with the number of examples read since the last call."""


class Source(Protocol):
    """One data set, opened and checked."""

    description: SourceDescription

    def identity(self) -> tuple[str, ...]:
        """Return everything that determines the prepared arrays: name, version, files with size and time of change. Cheap."""
        ...

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield the files in their order, each with what the set says of it wherever it lies, such as part and class; none for
        a set that comes with this package."""
        ...

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """Return the labels, int32 (examples,), each an index into the classes. Raises DataError for missing or invalid labels.

        `report` is called if reading takes long.
        """
        ...

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the images at these increasing indices, in chunks (examples, height, width, channels).

        Raises DataError naming a broken image.
        """
        ...

    def check_pictures(self) -> None:
        """Check that every picture on disk can be read, before anything is trained. Raises BrokenPictures with all that
        cannot."""
        ...

    def class_counts(self) -> tuple[int, ...] | None:
        """Return the number of examples of every class in all parts together; None where counting takes long."""
        ...

    def groups(self, part: Part) -> np.ndarray | None:
        """Return a number for every example of a part, int64 (examples,): those of one number belong in one split, such as
        copies of a picture. None where every example stands for itself."""
        ...

    def notes(self) -> tuple[str, ...]:
        """Return what was done to the examples to read them, one sentence each: what was scaled, cut off or left out."""
        ...

    def encoded(self, part: Part) -> Read:
        """Return a function from an index to the stored picture. Raises DataError if the source holds arrays."""
        ...


def no_pictures_error(name: str) -> DataError:
    """Return the error for pictures requested from a source without any."""
    return DataError(
        f"{name} holds arrays of pixels; --augment inception crops pictures, those of a TFDS set or of a folder; "
        "train with --augment standard"
    )

"""What an image data set looks like to the rest: its parts, its labels, its images by index, its identity.

A source has been checked when it exists; it has decoded nothing yet. `data.opening` finds the one that a reference names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from automl_cli.core.errors import DataError

if TYPE_CHECKING:
    import numpy as np

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class SourceDescription:
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

    description: SourceDescription

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


def holds_arrays(name: str) -> DataError:
    """The error for pictures that are asked of a source without any."""
    return DataError(
        f"{name} holds arrays of pixels; --augment inception crops pictures, those of a TFDS set or of a folder; "
        "train with --augment standard"
    )

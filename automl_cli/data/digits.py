"""The data set `digits`: 1,797 handwritten digits of 8×8 pixels that scikit-learn ships (UCI, E. Alpaydin and C. Kaynak 1998).

The last 360 are the test part. Their writers did not write the others, so the test measures generalisation to new writers.
Grey levels 0 to 16 become 0 to 255.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from automl_cli.data.resizing import fit
from automl_cli.data.source import Part, Read, Report, SourceDescription, no_pictures_error

EXAMPLES = 1_797
TEST_EXAMPLES = 360
SIDE = 8


class DigitsSource:
    """The embedded set. Its facts are constants, so scikit-learn is imported only to prepare the arrays."""

    def __init__(self, *, image_size: tuple[int, int] | None) -> None:
        self._size = image_size or (SIDE, SIDE)
        self.description = SourceDescription(
            name="digits",
            classes=tuple("0123456789"),
            image_shape=(*self._size, 1),
            dtype="uint8",
            parts={"train": EXAMPLES - TEST_EXAMPLES, "test": TEST_EXAMPLES},
            mirror_safe=False,
        )

    def identity(self) -> tuple[str, ...]:
        """Return the name and the version of the set."""
        return ("digits", "1")

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield nothing: the images come with scikit-learn."""
        yield from ()

    def labels(self, part: Part, report: Report) -> np.ndarray:
        """Return the labels of a part, (examples,) int32."""
        return _all_labels()[_rows(part)]

    def images(self, part: Part, indices: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the images at these indices in one chunk (examples, height, width, 1), uint8."""
        chosen = _all_images()[_rows(part)][indices]
        yield np.stack([fit(image, self._size) for image in chosen])

    def check_pictures(self) -> None:
        """Check nothing: they are arrays."""

    def class_counts(self) -> tuple[int, ...]:
        """Return the number of examples of every class in all parts together."""
        labels = np.concatenate([self.labels(part, lambda count: None) for part in self.description.parts])
        return tuple(np.bincount(labels, minlength=len(self.description.classes)).tolist())

    def groups(self, part: Part) -> None:
        """Return None: no examples belong together."""

    def notes(self) -> tuple[str, ...]:
        """Return nothing: the set is read as it is."""
        return ()

    def encoded(self, part: Part) -> Read:
        """Refuse: the set has no encoded pictures. Raises DataError."""
        raise no_pictures_error("digits")


def _rows(part: Part) -> slice:
    return slice(EXAMPLES - TEST_EXAMPLES, None) if part == "test" else slice(0, EXAMPLES - TEST_EXAMPLES)


@cache
def _bunch() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.rint(bunch.images * 255 / 16).astype(np.uint8)[..., None], bunch.target.astype(np.int32)


def _all_images() -> np.ndarray:
    return _bunch()[0]


def _all_labels() -> np.ndarray:
    return _bunch()[1]

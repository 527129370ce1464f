"""Pictures of any size decoded as they are needed, for sets that do not fit anywhere as arrays.

Which recipe streams: one with the augmentation "inception" does, every other has its images prepared as arrays once
(`images.py`), up to `images.PREPARED_LIMIT` bytes. Threads decode ahead of the device. What is drawn for a picture is a
function of seed, epoch and the picture, so any number of threads gives the same bits, and a training goes on after any epoch.

Pixels are brought to -1 .. 1 by constants (AutoAugment, arXiv 1805.09501, on ImageNet; the code released with NASNet), since
the moments of the training images would take a pass over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_cli.core.errors import DataError
from automl_cli.core.random_streams import stream_seed
from automl_cli.data.images import Progress, check_size, counter
from automl_cli.data.opening import open_source
from automl_cli.data.source import Encoded, Read, Source
from automl_cli.data.split_indices import SplitIndices, facts_of, learning_rows, sizes_for, testing_rows
from automl_cli.system.machine import available_cores
from automl_cli.values.dataset import DatasetReference, ImageFacts

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.data.crops import Box

MIDDLE = 127.5
"""Mean and deviation that bring bytes to -1 .. 1."""


@dataclass(frozen=True)
class StreamedSplit:
    """Encoded pictures, served as `image_shape` (height, width, channels), with labels (examples,) int32.

    `read` takes the place of an example in the split.
    """

    read: Read
    labels: np.ndarray
    image_shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.labels)

    def crops(
        self, places: Iterable[int], *, seed: int, epoch: int, flip: bool, depth: int, threads: int | None = None
    ) -> Generator[np.ndarray, None, None]:
        """Random windows of these examples, uint8, in order; half of them mirrored where `flip` says so.

        `depth` is how many are decoded or kept beyond the one that is served, `threads` by default one per core.
        """
        import numpy as np

        from automl_cli.data.crops import random_box

        def crop(place: int) -> np.ndarray:
            random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "crop", epoch, place)))
            mirrored = random.random() < 0.5 and flip  # drawn in any case: windows do not depend on `flip`
            image = self._decoded(place, lambda height, width: random_box(height, width, random))
            return image[:, ::-1] if mirrored else image

        return self._served(places, crop, depth=depth, threads=threads)

    def centres(self, *, depth: int, threads: int | None = None) -> Generator[np.ndarray, None, None]:
        """The middle of every example, uint8, in order."""
        from automl_cli.data.crops import central_box

        aspect = self.image_shape[1] / self.image_shape[0]

        def centre(place: int) -> np.ndarray:
            return self._decoded(place, lambda height, width: central_box(height, width, aspect=aspect))

        return self._served(range(len(self)), centre, depth=depth, threads=threads)

    def _served(
        self, places: Iterable[int], work: Callable[[int], np.ndarray], *, depth: int, threads: int | None
    ) -> Generator[np.ndarray, None, None]:
        from automl_cli.data.prefetch import ahead

        # Decoding lets go of the interpreter's lock, so a thread for each core is busy.
        return ahead(map(int, places), work, threads=threads or available_cores(), depth=depth)

    def _decoded(self, place: int, window: Callable[[int, int], Box]) -> np.ndarray:
        from automl_cli.data.decoding import decode_window

        picture = self.read(place)
        return decode_window(picture.data, picture.where, window, shape=self.image_shape, upright=picture.upright)


@dataclass(frozen=True)
class StreamedData:
    """What a child trains and validates with, as `images.ImageData`, with pictures that are decoded as they are needed."""

    train: StreamedSplit
    validation: StreamedSplit
    facts: ImageFacts
    mean: np.ndarray
    std: np.ndarray
    class_counts: np.ndarray

    def merged(self) -> StreamedData:
        """With the validation examples among the training ones; they stay where they are too (see `ImageData.merged`)."""
        import numpy as np

        first = len(self.train)
        read_train, read_validation = self.train.read, self.validation.read

        def read(place: int) -> Encoded:
            return read_train(place) if place < first else read_validation(place - first)

        labels = np.concatenate([self.train.labels, self.validation.labels])
        counts = np.bincount(labels, minlength=len(self.facts.classes))
        train = StreamedSplit(read, labels, self.train.image_shape)
        return StreamedData(train, self.validation, self.facts, self.mean, self.std, counts)


def check_source(reference: DatasetReference, *, streamed: bool) -> None:
    """Raises DataError where the data set of the reference cannot be streamed or, not streamed, is too large to be prepared as
    arrays or has pictures of several sizes. Decodes nothing."""
    source = open_source(reference)
    if streamed:
        source.encoded("train")
        return
    check_size(source, sizes_for(source, reference))
    from automl_cli.data.folder import FolderSource

    if isinstance(source, FolderSource):
        source.check_pictures()


def has_pictures(reference: DatasetReference) -> bool:
    """Whether the set of the reference holds pictures, which can be streamed, and not arrays. DataError if it is missing."""
    source = open_source(reference)
    with suppress(DataError):
        source.encoded("train")
        return True
    return False


def load_streamed(reference: DatasetReference, progress: Progress | None = None) -> StreamedData:
    """The training and validation pictures of the reference. Reads the labels, once ever, and decodes no picture."""
    import numpy as np

    source = open_source(reference)
    source.encoded("train")
    sizes = sizes_for(source, reference)
    parts = source.description.parts
    report = counter(progress, parts["train"] + parts.get("validation", 0))
    train, validation = learning_rows(source, sizes, reference.split_seed, report=report)
    middle = np.full(source.description.image_shape[2], MIDDLE, np.float32)
    return StreamedData(
        train=_split(source, train),
        validation=_split(source, validation),
        facts=facts_of(source, sizes, reference),
        mean=middle,
        std=middle,
        class_counts=np.bincount(train.labels, minlength=len(source.description.classes)),
    )


def load_streamed_test(reference: DatasetReference) -> StreamedSplit:
    """The test pictures of the reference. For the final command only."""
    source = open_source(reference)
    source.encoded("train")
    return _split(source, testing_rows(source, sizes_for(source, reference), reference.split_seed))


def _split(source: Source, rows: SplitIndices) -> StreamedSplit:
    read = source.encoded(rows.part)
    return StreamedSplit(lambda place: read(int(rows.places[place])), rows.labels, source.description.image_shape)

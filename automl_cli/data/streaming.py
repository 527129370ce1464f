"""Pictures of any size decoded on demand, for sets that are too large for arrays.

Recipes with the augmentation "inception" stream; all others have their images prepared as arrays once (`images.py`), up to
`images.PREPARED_LIMIT` bytes. Threads decode ahead of the device. The random draws for a picture depend only on seed, epoch and
picture, so any number of threads gives the same bits, and a training can continue after any epoch.

Pixels are scaled to -1 .. 1 by constants (AutoAugment, arXiv 1805.09501, on ImageNet; the code released with NASNet), since the
moments of the training images would take a pass over all of them.
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
from automl_cli.data.split_indices import SplitIndices, all_indices, facts_of, learning_indices, sizes_for, testing_indices
from automl_cli.system.machine import available_cores
from automl_cli.values.dataset import DatasetReference, ImageFacts

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.data.crops import Box

MIDDLE = 127.5
"""Mean and deviation that scale bytes to -1 .. 1."""


@dataclass(frozen=True)
class StreamedSplit:
    """Encoded pictures, served as `image_shape` (height, width, channels), with labels (examples,) int32.

    `read` takes the index of an example in the split.
    """

    read: Read
    labels: np.ndarray
    image_shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.labels)

    def crops(
        self, indices: Iterable[int], *, seed: int, epoch: int, flip: bool, depth: int, threads: int | None = None
    ) -> Generator[np.ndarray, None, None]:
        """Yield random windows of these examples in order, (height, width, channels) uint8 each, half of them mirrored if
        `flip`.

        `depth` is the number of pictures that are decoded ahead, `threads` by default one per core.
        """
        import numpy as np

        from automl_cli.data.crops import random_box

        def crop(index: int) -> np.ndarray:
            random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "crop", epoch, index)))
            mirrored = random.random() < 0.5 and flip  # drawn in any case: windows do not depend on `flip`
            image = self._decoded(index, lambda height, width: random_box(height, width, random))
            return image[:, ::-1] if mirrored else image

        return self._served(indices, crop, depth=depth, threads=threads)

    def centres(self, *, depth: int, threads: int | None = None) -> Generator[np.ndarray, None, None]:
        """Yield the middle window of every example in order, (height, width, channels) uint8 each."""
        from automl_cli.data.crops import central_box

        aspect = self.image_shape[1] / self.image_shape[0]

        def centre(index: int) -> np.ndarray:
            return self._decoded(index, lambda height, width: central_box(height, width, aspect=aspect))

        return self._served(range(len(self)), centre, depth=depth, threads=threads)

    def _served(
        self, indices: Iterable[int], work: Callable[[int], np.ndarray], *, depth: int, threads: int | None
    ) -> Generator[np.ndarray, None, None]:
        from automl_cli.data.prefetch import prefetch_map

        # Decoding lets go of the interpreter's lock, so a thread for each core is busy.
        return prefetch_map(map(int, indices), work, threads=threads or available_cores(), depth=depth)

    def _decoded(self, index: int, window: Callable[[int, int], Box]) -> np.ndarray:
        from automl_cli.data.decoding import decode_window

        picture = self.read(index)
        return decode_window(
            picture.data,
            picture.where,
            window,
            shape=self.image_shape,
            upright=picture.upright,
            rendering=picture.rendering,
        )


@dataclass(frozen=True)
class StreamedData:
    """Training and validation data of a child, as `images.ImageData`, with pictures that are decoded on demand."""

    train: StreamedSplit
    validation: StreamedSplit
    facts: ImageFacts
    mean: np.ndarray
    std: np.ndarray
    class_counts: np.ndarray

    def merged(self) -> StreamedData:
        """Return the data with the validation examples added to the training ones; they remain the validation split as well."""
        import numpy as np

        first = len(self.train)
        read_train, read_validation = self.train.read, self.validation.read

        def read(index: int) -> Encoded:
            return read_train(index) if index < first else read_validation(index - first)

        labels = np.concatenate([self.train.labels, self.validation.labels])
        counts = np.bincount(labels, minlength=len(self.facts.classes))
        train = StreamedSplit(read, labels, self.train.image_shape)
        return StreamedData(train, self.validation, self.facts, self.mean, self.std, counts)


def check_source(reference: DatasetReference, *, streamed: bool) -> None:
    """Check that a data set can be streamed, or prepared as arrays, and that all pictures on disk can be read. Raises DataError
    if not.

    A set that is not streamed must not be too large for arrays.
    """
    source = open_source(reference)
    if streamed:
        source.encoded("train")
        if reference.resize != "crop":
            raise DataError(
                f"--resize {reference.resize} does not go with --augment inception, which cuts windows of its own out of "
                "pictures; leave it out"
            )
    else:
        check_size(source, sizes_for(source, reference).total)
    source.check_pictures()


def has_pictures(reference: DatasetReference) -> bool:
    """Return whether the set holds pictures, which can be streamed, and not arrays. Raises DataError if it is missing."""
    source = open_source(reference)
    with suppress(DataError):
        source.encoded("train")
        return True
    return False


def load_streamed(reference: DatasetReference, progress: Progress | None = None, *, fold: int = 0) -> StreamedData:
    """Return the training and validation pictures of the reference. Labels are read once and cached; no picture is decoded."""
    import numpy as np

    source = open_source(reference)
    source.encoded("train")
    sizes = sizes_for(source, reference)
    parts = source.description.parts
    report = counter(progress, parts["train"] + parts.get("validation", 0))
    train, validation = learning_indices(source, reference, fold=fold, report=report)
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
    """Return the test pictures of the reference. For the final command only."""
    source = open_source(reference)
    source.encoded("train")
    return _split(source, testing_indices(source, reference))


def load_streamed_all(reference: DatasetReference) -> StreamedSplit:
    """Return all pictures of the reference, of every part."""
    import numpy as np

    source = open_source(reference)
    of_parts = [_split(source, rows) for rows in all_indices(source)]
    ends = np.cumsum([len(split) for split in of_parts])

    def read(index: int) -> Encoded:
        part = int(np.searchsorted(ends, index, side="right"))
        return of_parts[part].read(index - int(ends[part]) + len(of_parts[part]))

    return StreamedSplit(read, np.concatenate([split.labels for split in of_parts]), source.description.image_shape)


def _split(source: Source, rows: SplitIndices) -> StreamedSplit:
    read = source.encoded(rows.part)
    return StreamedSplit(lambda index: read(int(rows.indices[index])), rows.labels, source.description.image_shape)

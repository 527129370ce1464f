"""Image data for children: facts, training and validation arrays, and the test split.

Only `load_test_split` reads the test part of a source.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from automl_cli.core.errors import DataError
from automl_cli.data.opening import open_source
from automl_cli.data.source import Part, Report, Source
from automl_cli.data.split_indices import (
    SplitIndices,
    all_indices,
    facts_of,
    learning_indices,
    no_progress,
    of_fold,
    sizes_for,
    testing_indices,
)
from automl_cli.data.splits import Sizes, fold
from automl_cli.values.dataset import DatasetReference, ImageFacts

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[int, int], None]
"""A function called with (images prepared, images in all) while a set is prepared for the first time."""


MOMENTS_CHUNK = 1 << 21
"""Elements summed at a time; fixed, so that the moments do not depend on the machine's memory."""

PREPARED_LIMIT = 16 * 2**30
"""Bytes of pixels that a set may have as arrays, since the cache, the page cache and the device all hold them: 107,000
colour images of 224 x 224."""


@dataclass(frozen=True)
class ImageSplit:
    """A split: `images` (examples, height, width, channels) uint8 or float32, `labels` (examples,) int32."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageData:
    """Training and validation data of a child, memory-mapped and read-only.

    `mean` and `std` (channels,) float32 are those of the training images, in their own units; `class_counts` (classes,) int64
    counts the training labels.
    """

    train: ImageSplit
    validation: ImageSplit
    facts: ImageFacts
    mean: np.ndarray
    std: np.ndarray
    class_counts: np.ndarray

    def merged(self) -> ImageData:
        """Return the data with the validation examples added to the training ones, and new moments and counts; all in memory.

        The validation examples remain the validation split as well, so their score measures fit and no longer generalisation.
        """
        import numpy as np

        images = np.concatenate([self.train.images, self.validation.images])
        labels = np.concatenate([self.train.labels, self.validation.labels])
        mean, std = moments(images)
        counts = np.bincount(labels, minlength=len(self.facts.classes))
        return ImageData(ImageSplit(images, labels), self.validation, self.facts, mean, std, counts)

    def fold(self, number: int, *, seed: int) -> ImageData:
        """Return a fold of the training examples, in memory: the held-out ones are the validation split. Moments stay."""
        import numpy as np

        rest, held_out = (
            ImageSplit(self.train.images[rows], self.train.labels[rows])
            for rows in fold(np.asarray(self.train.labels), number, seed=seed)
        )
        counts = np.bincount(rest.labels, minlength=len(self.facts.classes))
        facts = replace(self.facts, train_examples=len(rest), validation_examples=len(held_out))
        return ImageData(rest, held_out, facts, self.mean, self.std, counts)


def image_facts(reference: DatasetReference, *, identified: bool = False) -> ImageFacts:
    """Return the facts of the data without decoding an image, with the digest of the content where it is to be `identified`.

    Raises DataError for everything that would prevent loading.
    """
    source = open_source(reference)
    facts = facts_of(source, sizes_for(source, reference), reference)
    if not identified:
        return facts
    from automl_cli.data.identity import content_of

    return replace(facts, content=content_of(source))


def whole_facts(reference: DatasetReference) -> ImageFacts:
    """Return the facts of a set that is not split: all of its examples are test examples."""
    source = open_source(reference)
    count = sum(source.description.parts.values())
    whole = Sizes(0, 0, count, test_held_out=False, validation_held_out=False, subset=0, available=0)
    return facts_of(source, whole, reference)


def check_size(source: Source, count: int) -> None:
    """Check that so many examples of the source fit `PREPARED_LIMIT` as arrays. Raises DataError if not."""
    described = source.description
    number_bytes = 1 if described.dtype == "uint8" else 4
    if (needed := count * math.prod(described.image_shape) * number_bytes) > PREPARED_LIMIT:
        height, width, _ = described.image_shape
        raise DataError(
            f"{described.name} has {count:,} images; as arrays of {height}×{width} pixels they take {needed / 2**30:,.0f} GiB, "
            f"and at most {PREPARED_LIMIT // 2**30} GiB are prepared. Train with --augment inception, which decodes "
            "pictures as they are needed, or give a smaller --image-size or --train-examples"
        )


def load_images(reference: DatasetReference, progress: Progress | None = None, *, fold: int = 0) -> ImageData:
    """Return the training and validation arrays of the reference from the cache; prepare them on first use.

    Of several folds, `fold` is the one that validates.
    """
    import numpy as np

    from automl_cli.data.cache import key_of, load_or_prepare

    source = open_source(reference)
    sizes = of_fold(source, reference, fold)
    check_size(source, sizes.total)
    described = source.description
    layout = {
        **_split_layout(source, "train", sizes.train),
        **_split_layout(source, "validation", sizes.validation),
        "moments": ((2, described.image_shape[2]), "float32"),
    }

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        report = counter(progress, sizes.train + sizes.validation)
        train, validation = learning_indices(source, reference, fold=fold)
        _fill(source, train, arrays, "train", report)
        _fill(source, validation, arrays, "validation", report)
        arrays["moments"][:] = moments(arrays["train_images"])

    drawn = (f"{sizes.subset}", f"{reference.split_seed}", *_of_splits(reference), *((f"fold {fold}",) if fold else ()))
    key = key_of((*source.identity(), f"{described.image_shape}", *drawn, "search"))
    arrays = load_or_prepare(described.name, key, layout, write)
    mean, std = np.asarray(arrays["moments"])
    return ImageData(
        train=ImageSplit(arrays["train_images"], arrays["train_labels"]),
        validation=ImageSplit(arrays["validation_images"], arrays["validation_labels"]),
        facts=facts_of(source, sizes, reference),
        mean=mean,
        std=std,
        class_counts=np.bincount(arrays["train_labels"], minlength=len(described.classes)),
    )


def load_test_split(reference: DatasetReference) -> ImageSplit:
    """Return the test arrays of the reference from the cache; prepare them on first use. For the final command only."""
    from automl_cli.data.cache import key_of, load_or_prepare

    source = open_source(reference)
    sizes = sizes_for(source, reference)

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        _fill(source, testing_indices(source, reference), arrays, "test", no_progress)

    share = () if reference.test_share is None else (f"{reference.test_share}",)
    drawn = (f"{reference.split_seed}", f"{sizes.test}", *share) if sizes.test_held_out else ()
    key = key_of((*source.identity(), f"{source.description.image_shape}", *drawn, "test"))
    arrays = load_or_prepare(source.description.name, key, _split_layout(source, "test", sizes.test), write)
    return ImageSplit(arrays["test_images"], arrays["test_labels"])


def load_all(reference: DatasetReference) -> ImageSplit:
    """Return all examples of the reference, of every part, from the cache; prepare them on first use."""
    from automl_cli.data.cache import key_of, load_or_prepare

    source = open_source(reference)
    parts = source.description.parts
    check_size(source, sum(parts.values()))

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        start = 0
        for rows in all_indices(source):
            ours = {name: array[start : start + len(rows.labels)] for name, array in arrays.items()}
            _fill(source, rows, ours, "test", no_progress)
            start += len(rows.labels)

    key = key_of((*source.identity(), f"{source.description.image_shape}", "all"))
    arrays = load_or_prepare(source.description.name, key, _split_layout(source, "test", sum(parts.values())), write)
    return ImageSplit(arrays["test_images"], arrays["test_labels"])


def _of_splits(reference: DatasetReference) -> tuple[str, ...]:
    """Return what tells splits of a set apart that are not drawn by the rules alone."""
    said = (reference.validation_share, reference.test_share, reference.folds)
    return () if said == (None, None, 1) else (f"{said}",)


def moments(images: np.ndarray) -> np.ndarray:
    """Return the mean and standard deviation of each channel, float32 (2, channels); the latter is 1 for a constant channel.

    `images` are (examples, height, width, channels).
    """
    import numpy as np

    total, squares = 0.0, 0.0
    step = max(1, MOMENTS_CHUNK // images[0].size)
    for start in range(0, len(images), step):
        chunk = images[start : start + step].astype(np.float64)
        total += chunk.sum(axis=(0, 1, 2))
        squares += np.einsum("nhwc,nhwc->c", chunk, chunk)
    count = images[..., 0].size
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - np.square(mean), 0))
    return np.stack([mean, np.where(std > 0, std, 1.0)]).astype(np.float32)


def _split_layout(source: Source, part: Part, examples: int) -> dict[str, tuple[tuple[int, ...], str]]:
    described = source.description
    return {f"{part}_images": ((examples, *described.image_shape), described.dtype), f"{part}_labels": ((examples,), "int32")}


def _fill(source: Source, rows: SplitIndices, arrays: Mapping[str, np.ndarray], role: Part, report: Report) -> None:
    arrays[f"{role}_labels"][:] = rows.labels
    start = 0
    for chunk in source.images(rows.part, rows.indices):
        arrays[f"{role}_images"][start : start + len(chunk)] = chunk
        start += len(chunk)
        report(len(chunk))


def counter(progress: Progress | None, total: int) -> Report:
    """Return a report that adds up counts and passes them on as progress out of a total."""
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    return report

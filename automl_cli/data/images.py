"""Image data for children: what is known of it, the arrays to train and validate with, and the test split.

Only `load_test_split` reads the test part of a source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_cli.core.datasets import DatasetReference, ImageFacts
from automl_cli.data.sources import Part, Source, open_source
from automl_cli.data.splits import Sizes, draw, sizes_of

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[int, int], None]
"""Called with (images prepared, images in all) while a set is prepared for the first time."""


MOMENTS_CHUNK = 1 << 21
"""Numbers that are summed up at a time; a fixed one, so that the moments do not depend on the machine's memory."""


@dataclass(frozen=True)
class ImageSplit:
    """`images` (examples, height, width, channels) uint8 or float32, `labels` (examples,) int32."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageData:
    """What a child trains and validates with, memory-mapped and read-only.

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
        """With the validation examples among the training ones, and moments and counts anew; all in memory.

        The validation examples stay where they are too: scoring them then says how well they were learned, not what is
        learned from others.
        """
        import numpy as np

        images = np.concatenate([self.train.images, self.validation.images])
        labels = np.concatenate([self.train.labels, self.validation.labels])
        mean, std = moments(images)
        counts = np.bincount(labels, minlength=len(self.facts.classes))
        return ImageData(ImageSplit(images, labels), self.validation, self.facts, mean, std, counts)


def image_facts(reference: DatasetReference) -> ImageFacts:
    """What is known of the data without decoding an image. Raises DataError for whatever would keep it from being loaded."""
    source = open_source(reference)
    return _facts(source, _sizes(source, reference), reference)


def load_images(reference: DatasetReference, progress: Progress | None = None) -> ImageData:
    """The training and validation arrays of the reference, from the cache; prepared on first use."""
    import numpy as np

    from automl_cli.data.cache import key_of, prepared

    source = open_source(reference)
    sizes = _sizes(source, reference)
    described = source.description
    layout = {
        **_split_layout(source, "train", sizes.train),
        **_split_layout(source, "validation", sizes.validation),
        "moments": ((2, described.image_shape[2]), "float32"),
    }

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        labels = _labels(source, "train")
        train, validation = _search_rows(source, sizes, labels, reference.split_seed)
        report = _counter(progress, sizes.train + sizes.validation)
        _fill(source, "train", train, arrays["train_images"], report)
        arrays["train_labels"][:] = labels[train]
        origin: Part = "train" if sizes.validation_held_out else "validation"
        _fill(source, origin, validation, arrays["validation_images"], report)
        arrays["validation_labels"][:] = (labels if sizes.validation_held_out else _labels(source, "validation"))[validation]
        arrays["moments"][:] = moments(arrays["train_images"])

    key = key_of((*source.identity(), f"{described.image_shape}", f"{sizes.subset}", f"{reference.split_seed}", "search"))
    arrays = prepared(described.name, key, layout, write)
    mean, std = np.asarray(arrays["moments"])
    return ImageData(
        train=ImageSplit(arrays["train_images"], arrays["train_labels"]),
        validation=ImageSplit(arrays["validation_images"], arrays["validation_labels"]),
        facts=_facts(source, sizes, reference),
        mean=mean,
        std=std,
        class_counts=np.bincount(arrays["train_labels"], minlength=len(described.classes)),
    )


def load_test_split(reference: DatasetReference) -> ImageSplit:
    """The test arrays of the reference, from the cache; prepared on first use. For the final command only."""
    import numpy as np

    from automl_cli.data.cache import key_of, prepared

    source = open_source(reference)
    sizes = _sizes(source, reference)

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        origin: Part = "train" if sizes.test_held_out else "test"
        labels = _labels(source, origin)
        rows = _test_rows(labels, sizes, reference.split_seed) if sizes.test_held_out else np.arange(sizes.test)
        _fill(source, origin, rows, arrays["test_images"], lambda count: None)
        arrays["test_labels"][:] = labels[rows]

    drawn = (f"{reference.split_seed}",) if sizes.test_held_out else ()
    key = key_of((*source.identity(), f"{source.description.image_shape}", *drawn, "test"))
    arrays = prepared(source.description.name, key, _split_layout(source, "test", sizes.test), write)
    return ImageSplit(arrays["test_images"], arrays["test_labels"])


def moments(images: np.ndarray) -> np.ndarray:
    """Mean and standard deviation of each channel, float32 (2, channels); a constant channel counts as deviating by 1."""
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


def _sizes(source: Source, reference: DatasetReference) -> Sizes:
    return sizes_of(source.description.name, source.description.parts, reference.train_examples)


def _facts(source: Source, sizes: Sizes, reference: DatasetReference) -> ImageFacts:
    described = source.description
    return ImageFacts(
        image_shape=described.image_shape,
        classes=described.classes,
        train_examples=sizes.train,
        validation_examples=sizes.validation,
        test_examples=sizes.test,
        flip=described.mirror_safe if reference.flip is None else reference.flip,
    )


def _labels(source: Source, part: Part) -> np.ndarray:
    """The labels of a part, cached: drawing a subset of a large set must not read the whole set again."""
    from automl_cli.data.cache import key_of, prepared

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        arrays["labels"][:] = source.labels(part)

    layout = {"labels": ((source.description.parts[part],), "int32")}
    return prepared(source.description.name, key_of((*source.identity(), part, "labels")), layout, write)["labels"]


def _search_rows(source: Source, sizes: Sizes, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the training part to train on, and rows to validate with: of the training part too where they are held out."""
    import numpy as np

    rows = np.arange(len(labels))
    if sizes.test_held_out:
        rows = np.setdiff1d(rows, _test_rows(labels, sizes, seed), assume_unique=True)
    if sizes.subset < len(rows):
        rows = rows[draw(labels[rows], sizes.subset, seed=seed, purpose="subset")]
    if not sizes.validation_held_out:
        return rows, np.arange(sizes.validation)
    validation = rows[draw(labels[rows], sizes.validation, seed=seed, purpose="validation")]
    return np.setdiff1d(rows, validation, assume_unique=True), validation


def _test_rows(labels: np.ndarray, sizes: Sizes, seed: int) -> np.ndarray:
    return draw(labels, sizes.test, seed=seed, purpose="test")


def _split_layout(source: Source, part: Part, examples: int) -> dict[str, tuple[tuple[int, ...], str]]:
    described = source.description
    return {f"{part}_images": ((examples, *described.image_shape), described.dtype), f"{part}_labels": ((examples,), "int32")}


def _fill(source: Source, part: Part, rows: np.ndarray, images: np.ndarray, report: Callable[[int], None]) -> None:
    start = 0
    for chunk in source.images(part, rows):
        images[start : start + len(chunk)] = chunk
        start += len(chunk)
        report(len(chunk))


def _counter(progress: Progress | None, total: int) -> Callable[[int], None]:
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    return report

"""Indices of the training, validation and test examples in an opened source, with their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_cli.core.errors import DataError
from automl_cli.data.source import Part, Report, Source
from automl_cli.data.splits import Sizes, draw, sizes_of
from automl_cli.values.dataset import DatasetReference, ImageFacts

if TYPE_CHECKING:
    import numpy as np


SHOWN = 20
"""Classes that an error names."""


def no_progress(count: int) -> None:
    """No-op progress callback."""


@dataclass(frozen=True)
class SplitIndices:
    """Examples of one part of a source: their increasing indices in the part, and their labels, (examples,) integers each."""

    part: Part
    indices: np.ndarray
    labels: np.ndarray


def sizes_for(source: Source, reference: DatasetReference) -> Sizes:
    """Return the numbers of training, validation and test examples. Raises DataError if there are too few."""
    described = source.description
    sizes = sizes_of(described.name, described.parts, reference.train_examples)
    if reference.train_examples is not None and sizes.train < len(described.classes):
        raise DataError(
            f"--train-examples {reference.train_examples} leaves {sizes.train} to train on, fewer than the "
            f"{len(described.classes)} classes of {described.name}; give more"
        )
    return sizes


def facts_of(source: Source, sizes: Sizes, reference: DatasetReference) -> ImageFacts:
    """Return the facts of the source without decoding an image."""
    described = source.description
    return ImageFacts(
        image_shape=described.image_shape,
        classes=described.classes,
        train_examples=sizes.train,
        validation_examples=sizes.validation,
        test_examples=sizes.test,
        flip=described.mirror_safe if reference.flip is None else reference.flip,
        skipped_pictures=len(described.skipped),
        skipped_digest=_digest_of(described.skipped),
    )


def _digest_of(names: tuple[str, ...]) -> str | None:
    return hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest() if names else None


def learning_indices(
    source: Source, sizes: Sizes, seed: int, *, report: Report = no_progress
) -> tuple[SplitIndices, SplitIndices]:
    """Return the training and the validation examples; the latter are of the training part, too, if they are held out from it.

    `report` is called while labels are read for the first time. Raises DataError if there is no training example of a class.
    """
    import numpy as np

    train, validation = _learning_indices(source, sizes, seed, report)
    classes, kinds = source.description.classes, len(source.description.classes)
    there, left = (np.bincount(labels, minlength=kinds) for labels in (_labels(source, "train", report), train.labels))
    if missing := [repr(classes[label]) for label in np.flatnonzero((there > 0) & (left == 0))]:
        few = f"--train-examples {sizes.subset} leaves" if sizes.subset < sizes.available else "the splits leave"
        which = f"class {missing[0]}" if len(missing) == 1 else f"{len(missing)} classes ({', '.join(missing[:SHOWN])})"
        raise DataError(f"{few} no example of {which} of {source.description.name} to train on; give more")
    return train, validation


def _learning_indices(source: Source, sizes: Sizes, seed: int, report: Report) -> tuple[SplitIndices, SplitIndices]:
    import numpy as np

    labels = _labels(source, "train", report)
    indices = np.arange(len(labels))
    if sizes.test_held_out:
        indices = np.setdiff1d(indices, _held_out_for_test(labels, sizes, seed), assume_unique=True)
    if sizes.subset < len(indices):
        indices = indices[draw(labels[indices], sizes.subset, seed=seed, purpose="subset")]
    if not sizes.validation_held_out:
        validation_labels = _labels(source, "validation", report)
        return SplitIndices("train", indices, labels[indices]), SplitIndices(
            "validation", np.arange(len(validation_labels)), validation_labels
        )
    held_out = indices[draw(labels[indices], sizes.validation, seed=seed, purpose="validation")]
    indices = np.setdiff1d(indices, held_out, assume_unique=True)
    return SplitIndices("train", indices, labels[indices]), SplitIndices("train", held_out, labels[held_out])


def testing_indices(source: Source, sizes: Sizes, seed: int) -> SplitIndices:
    """Return the test examples, which are of the training part if they are held out from it."""
    import numpy as np

    part: Part = "train" if sizes.test_held_out else "test"
    labels = _labels(source, part, no_progress)
    indices = _held_out_for_test(labels, sizes, seed) if sizes.test_held_out else np.arange(len(labels))
    return SplitIndices(part, indices, labels[indices])


def _held_out_for_test(labels: np.ndarray, sizes: Sizes, seed: int) -> np.ndarray:
    return draw(labels, sizes.test, seed=seed, purpose="test")


def _labels(source: Source, part: Part, report: Report) -> np.ndarray:
    """Return the labels of a part from the cache, so that drawing a subset of a large set does not read the whole set again."""
    from automl_cli.data.cache import key_of, load_or_prepare

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        arrays["labels"][:] = source.labels(part, report)

    layout = {"labels": ((source.description.parts[part],), "int32")}
    return load_or_prepare(source.description.name, key_of((*source.identity(), part, "labels")), layout, write)["labels"]

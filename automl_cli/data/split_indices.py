"""Indices of the training, validation and test examples in an opened source, with their labels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from automl_cli.core.errors import DataError
from automl_cli.data.source import Part, Report, Source
from automl_cli.data.splits import Sizes, deal, draw, holding_of, sizes_of
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
    if described.why_not_split is not None:
        raise DataError(described.why_not_split)
    sizes = _by_rule(source, reference)
    if reference.train_examples is not None and sizes.train < len(described.classes):
        raise DataError(
            f"--train-examples {reference.train_examples} leaves {sizes.train} to train on, fewer than the "
            f"{len(described.classes)} classes of {described.name}; give more"
        )
    if source.groups("train") is None:
        return sizes
    train, validation = _learning_indices(source, reference, 0, no_progress)
    test = len(testing_indices(source, reference).indices) if sizes.test_held_out else sizes.test
    if min(len(train.labels), len(validation.labels), test) < 1:
        raise DataError(f"the groups of {described.name} are too few or too large to be divided between the splits")
    return replace(sizes, train=len(train.labels), validation=len(validation.labels), test=test)


def _by_rule(source: Source, reference: DatasetReference) -> Sizes:
    """Return the sizes that groups do not change."""
    described = source.description
    return sizes_of(described.name, described.parts, reference.train_examples, holding_of(reference))


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
    source: Source, reference: DatasetReference, *, fold: int = 0, report: Report = no_progress
) -> tuple[SplitIndices, SplitIndices]:
    """Return the training and the validation examples; the latter are of the training part, too, if they are held out from it.

    Of several folds, `fold` is the one that validates. `report` is called while labels are read for the first time. Raises
    DataError if none of the examples of a class is left to train on.
    """
    import numpy as np

    train, validation = _learning_indices(source, reference, fold, report)
    sizes, classes = _by_rule(source, reference), source.description.classes
    there, left = (np.bincount(labels, minlength=len(classes)) for labels in (_labels(source, "train", report), train.labels))
    if missing := [repr(classes[label]) for label in np.flatnonzero((there > 0) & (left == 0))]:
        few = f"--train-examples {sizes.subset} leaves" if sizes.subset < sizes.available else "the splits leave"
        which = f"class {missing[0]}" if len(missing) == 1 else f"{len(missing)} classes ({', '.join(missing[:SHOWN])})"
        raise DataError(f"{few} no example of {which} of {source.description.name} to train on; give more")
    return train, validation


def _learning_indices(
    source: Source, reference: DatasetReference, fold: int, report: Report
) -> tuple[SplitIndices, SplitIndices]:
    import numpy as np

    sizes, seed, groups = _by_rule(source, reference), reference.split_seed, source.groups("train")
    labels = _labels(source, "train", report)
    indices = np.arange(len(labels))
    if sizes.test_held_out:
        indices = np.setdiff1d(indices, _held_out_for_test(labels, sizes, seed, groups), assume_unique=True)
    if sizes.subset < len(indices) and reference.train_examples is not None:
        indices = indices[draw(labels[indices], sizes.subset, seed=seed, purpose="subset", leave=0)]
    if not sizes.validation_held_out:
        validation_labels = _labels(source, "validation", report)
        return SplitIndices("train", indices, labels[indices]), SplitIndices(
            "validation", np.arange(len(validation_labels)), validation_labels
        )
    own = None if groups is None else groups[indices]
    if reference.folds > 1:
        held_out = indices[deal(labels[indices], reference.folds, seed=seed, groups=own) == fold]
    else:
        count = min(sizes.validation, len(indices) - 1)
        held_out = indices[draw(labels[indices], count, seed=seed, purpose="validation", leave=1, groups=own)]
    indices = np.setdiff1d(indices, held_out, assume_unique=True)
    return SplitIndices("train", indices, labels[indices]), SplitIndices("train", held_out, labels[held_out])


def of_fold(source: Source, reference: DatasetReference, fold: int) -> Sizes:
    """Return the numbers of examples where this fold validates: it may be smaller than the first, which the facts count."""
    sizes = sizes_for(source, reference)
    if fold == 0:
        return sizes
    train, validation = _learning_indices(source, reference, fold, no_progress)
    return replace(sizes, train=len(train.labels), validation=len(validation.labels))


def all_indices(source: Source) -> Iterator[SplitIndices]:
    """Yield all examples of each part of the source."""
    import numpy as np

    for part, count in source.description.parts.items():
        yield SplitIndices(part, np.arange(count), _labels(source, part, no_progress))


def testing_indices(source: Source, reference: DatasetReference) -> SplitIndices:
    """Return the test examples, which are of the training part if they are held out from it."""
    import numpy as np

    sizes = _by_rule(source, reference)
    part: Part = "train" if sizes.test_held_out else "test"
    labels = _labels(source, part, no_progress)
    if not sizes.test_held_out:
        return SplitIndices(part, np.arange(len(labels)), labels)
    indices = _held_out_for_test(labels, sizes, reference.split_seed, source.groups("train"))
    return SplitIndices(part, indices, labels[indices])


def _held_out_for_test(labels: np.ndarray, sizes: Sizes, seed: int, groups: np.ndarray | None) -> np.ndarray:
    return draw(labels, sizes.test, seed=seed, purpose="test", leave=2, groups=groups)


def _labels(source: Source, part: Part, report: Report) -> np.ndarray:
    """Return the labels of a part from the cache, so that drawing a subset of a large set does not read the whole set again."""
    from automl_cli.data.cache import key_of, load_or_prepare

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        arrays["labels"][:] = source.labels(part, report)

    layout = {"labels": ((source.description.parts[part],), "int32")}
    return load_or_prepare(source.description.name, key_of((*source.identity(), part, "labels")), layout, write)["labels"]

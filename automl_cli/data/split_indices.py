"""Which examples of an opened source train, validate and test: its rows by part, with their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_cli.core.errors import DataError
from automl_cli.data.source import Part, Report, Source
from automl_cli.data.splits import Sizes, draw, sizes_of
from automl_cli.values.dataset import DatasetReference, ImageFacts

if TYPE_CHECKING:
    import numpy as np


def untold(count: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class SplitIndices:
    """Examples of one part of a source: their places in it, rising, and their labels, both (examples,) and int."""

    part: Part
    places: np.ndarray
    labels: np.ndarray


def sizes_for(source: Source, reference: DatasetReference) -> Sizes:
    """How many examples train, validate and test. Raises DataError where there are too few."""
    described = source.description
    sizes = sizes_of(described.name, described.parts, reference.train_examples)
    if reference.train_examples is not None and sizes.train < len(described.classes):
        raise DataError(
            f"--train-examples {reference.train_examples} leaves {sizes.train} to train on, fewer than the "
            f"{len(described.classes)} classes of {described.name}; give more"
        )
    return sizes


def facts_of(source: Source, sizes: Sizes, reference: DatasetReference) -> ImageFacts:
    """What is known of the source without decoding an image."""
    described = source.description
    return ImageFacts(
        image_shape=described.image_shape,
        classes=described.classes,
        train_examples=sizes.train,
        validation_examples=sizes.validation,
        test_examples=sizes.test,
        flip=described.mirror_safe if reference.flip is None else reference.flip,
    )


def learning_rows(source: Source, sizes: Sizes, seed: int, *, report: Report = untold) -> tuple[SplitIndices, SplitIndices]:
    """Rows to train on, and rows to validate with: of the training part too where they are held out.

    `report` is told of labels that are read for the first time. Raises DataError where a subset lacks a class to train on.
    """
    import numpy as np

    train, validation = _learning_rows(source, sizes, seed, report)
    counts = np.bincount(train.labels, minlength=len(source.description.classes))
    if sizes.subset < sizes.available and not counts.all():
        raise DataError(
            f"--train-examples {sizes.subset} leaves no example of class {source.description.classes[counts.argmin()]!r} of "
            f"{source.description.name} to train on; give more"
        )
    return train, validation


def _learning_rows(source: Source, sizes: Sizes, seed: int, report: Report) -> tuple[SplitIndices, SplitIndices]:
    import numpy as np

    labels = _labels(source, "train", report)
    places = np.arange(len(labels))
    if sizes.test_held_out:
        places = np.setdiff1d(places, _held_out_for_test(labels, sizes, seed), assume_unique=True)
    if sizes.subset < len(places):
        places = places[draw(labels[places], sizes.subset, seed=seed, purpose="subset")]
    if not sizes.validation_held_out:
        theirs = _labels(source, "validation", report)
        return SplitIndices("train", places, labels[places]), SplitIndices("validation", np.arange(len(theirs)), theirs)
    held_out = places[draw(labels[places], sizes.validation, seed=seed, purpose="validation")]
    places = np.setdiff1d(places, held_out, assume_unique=True)
    return SplitIndices("train", places, labels[places]), SplitIndices("train", held_out, labels[held_out])


def testing_rows(source: Source, sizes: Sizes, seed: int) -> SplitIndices:
    """Rows to test on: of the training part where they are held out."""
    import numpy as np

    part: Part = "train" if sizes.test_held_out else "test"
    labels = _labels(source, part, untold)
    places = _held_out_for_test(labels, sizes, seed) if sizes.test_held_out else np.arange(len(labels))
    return SplitIndices(part, places, labels[places])


def _held_out_for_test(labels: np.ndarray, sizes: Sizes, seed: int) -> np.ndarray:
    return draw(labels, sizes.test, seed=seed, purpose="test")


def _labels(source: Source, part: Part, report: Report) -> np.ndarray:
    """The labels of a part, cached: drawing a subset of a large set must not read the whole set again."""
    from automl_cli.data.cache import key_of, prepared

    def write(arrays: Mapping[str, np.ndarray]) -> None:
        arrays["labels"][:] = source.labels(part, report)

    layout = {"labels": ((source.description.parts[part],), "int32")}
    return prepared(source.description.name, key_of((*source.identity(), part, "labels")), layout, write)["labels"]

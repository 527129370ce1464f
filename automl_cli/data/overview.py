"""An overview of a data set for people, and how it would be read: `automl datasets SET`.

All its pictures are prepared on the way, as a search would do, so that a search of the same set begins at once.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct

from automl_cli.data.advice import advice_on_metric
from automl_cli.data.alike import Alike, alike_in
from automl_cli.data.images import ImageData, ImageSplit, Progress, check_size, load_images, load_test_split
from automl_cli.data.mirror import MOST_EXAMPLES, MirrorCheck, mirror_check
from automl_cli.data.opening import open_source
from automl_cli.data.source import Source
from automl_cli.data.split_indices import sizes_for
from automl_cli.data.splits import Sizes
from automl_cli.data.survey import BrokenPictures, Fault
from automl_cli.values.dataset import DatasetReference


class ClassSizes(Struct, frozen=True, kw_only=True):
    """A class with its numbers of examples."""

    name: str
    train: int
    validation: int
    test: int


class SplitSize(Struct, frozen=True, kw_only=True):
    """A split, its number of examples, and whether they are drawn from the training part of the source."""

    name: str
    examples: int
    drawn: bool


class DatasetOverview(Struct, frozen=True, kw_only=True):
    """A data set as it would be read. `notes` says what was done to its pictures, `advice` which flags fit it.

    `broken` are the pictures that cannot be read; the numbers are those without them. `mirror` is None where mirrored pictures
    do not train anyway.
    """

    name: str
    dataset: DatasetReference
    image_shape: tuple[int, int, int]
    classes: tuple[ClassSizes, ...]
    splits: tuple[SplitSize, ...]
    flip: bool
    notes: tuple[str, ...]
    broken: tuple[Fault, ...]
    alike: Alike
    mirror: MirrorCheck | None
    advice: tuple[str, ...]
    seconds: float


class LookedAt(NamedTuple):
    """An overview with the pictures it is about."""

    overview: DatasetOverview
    train: ImageSplit


def look_at(reference: DatasetReference, progress: Progress | None = None) -> LookedAt:
    """Look at a data set: read all of it, count, compare, and advise. Raises DataError for one that cannot be used."""
    started = time.monotonic()
    source, reference, broken = _readable(reference)
    sizes = sizes_for(source, reference)
    check_size(source, sizes.total)
    data, test = load_images(reference, progress), load_test_split(reference)
    splits = {"train": data.train, "validation": data.validation, "test": test}
    flip = data.facts.flip
    mirror = mirror_check(*_some_of(data)) if flip else None
    return LookedAt(
        DatasetOverview(
            name=source.description.name,
            dataset=reference,
            image_shape=data.facts.image_shape,
            classes=_class_sizes(data, test),
            splits=_split_sizes(sizes),
            flip=flip,
            notes=source.notes(),
            broken=broken,
            alike=alike_in(splits),
            mirror=mirror,
            advice=_advice(data, reference, mirror, broken),
            seconds=time.monotonic() - started,
        ),
        data.train,
    )


def _readable(reference: DatasetReference) -> tuple[Source, DatasetReference, tuple[Fault, ...]]:
    """Open a set; where pictures of it are broken, open it without them, and return these as well."""
    try:
        source = open_source(reference)
        source.check_pictures()
    except BrokenPictures as error:
        without = msgspec.structs.replace(reference, skip_broken=True)
        return open_source(without), without, error.faults
    return source, reference, ()


def _class_sizes(data: ImageData, test: ImageSplit) -> tuple[ClassSizes, ...]:
    names = data.facts.classes
    counts = [np.bincount(split.labels, minlength=len(names)).tolist() for split in (data.train, data.validation, test)]
    return tuple(
        ClassSizes(name=name, train=train, validation=validation, test=tested)
        for name, train, validation, tested in zip(names, *counts, strict=True)
    )


def _split_sizes(sizes: Sizes) -> tuple[SplitSize, ...]:
    return (
        SplitSize(name="train", examples=sizes.train, drawn=False),
        SplitSize(name="validation", examples=sizes.validation, drawn=sizes.validation_held_out),
        SplitSize(name="test", examples=sizes.test, drawn=sizes.test_held_out),
    )


def _some_of(data: ImageData) -> tuple[np.ndarray, np.ndarray]:
    """Return images (examples, …) and labels (examples,) of those that are not for testing: all of few, the first of many."""
    if len(data.train) >= MOST_EXAMPLES:
        return data.train.images, data.train.labels
    images, labels = [data.train.images, data.validation.images], [data.train.labels, data.validation.labels]
    return np.concatenate([part[:MOST_EXAMPLES] for part in images]), np.concatenate([part[:MOST_EXAMPLES] for part in labels])


def _advice(
    data: ImageData, reference: DatasetReference, mirror: MirrorCheck | None, broken: tuple[Fault, ...]
) -> tuple[str, ...]:
    found = [advice_on_metric(data.class_counts.tolist(), reference.metric)]
    if broken:
        found.append("--skip-broken: leaves out what cannot be read; without it a search refuses the set")
    if mirror is not None and mirror.advises_no_flip:
        found.append(
            f"--no-flip: mirrored pictures look like another class ({mirror.recognised:.0%} of {mirror.examples:,} "
            f"pictures are most like one of their own class, {mirror.recognised_mirrored:.0%} of the same mirrored)"
        )
    return tuple(advice for advice in found if advice is not None)

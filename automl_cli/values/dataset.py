"""Image data sets as plain data: enough to load the same arrays again."""

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from automl_cli.core.errors import ArtifactError
from automl_cli.core.msgspec_errors import path_and_problem
from automl_cli.values.child import Child

T = TypeVar("T")

IMAGES = "images"
"""The name of the problem."""

SIZE_LIMITS = (4, 1024)
"""Smallest and largest `image_size`, in pixels."""


class DatasetReference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data set by name or path, and what is done to it before training.

    `source` is a name (`digits`, `cifar10`, …), a folder of class folders, or an `.npz` file. `train_examples` takes a seeded
    subset of the training split, stratified by class, before validation is split off. `split_seed` draws that subset and the
    validation split; it is part of the data, not of the search, so that scores of different searches can be compared.
    `flip` says whether a mirrored image is as good as the image; None leaves it to what is known of the set.

    `image_size` is the side of square images or (height, width) of others, `resize` how pictures of another shape get there:
    the largest window in the middle is cut out, margins are added, or the picture is squashed. `background` is the colour under
    transparent pixels, a name or #rrggbb, and of margins. Of arrays, `layout` says where the channels stand, and `pixel_range`
    which numbers are black and white; None reads both from the numbers. `skip_broken` leaves out pictures that cannot be read,
    `skip_small_classes` classes with too few of them. `validation_share` and `test_share` are shares of all examples that are
    held out where the source has no such part; None chooses by size. `class_weights` balances the loss. With several `folds`
    the score of a child is the mean over that many trainings, each validated on another part of the training examples.
    """

    source: str
    data_dir: str | None = None
    train_examples: int | None = None
    image_size: int | tuple[int, int] | None = None
    metric: Literal["accuracy", "balanced-accuracy"] = "accuracy"
    split_seed: int = 0
    flip: bool | None = None
    resize: Literal["crop", "pad", "squash"] = "crop"
    background: str = "white"
    layout: Literal["nhwc", "nchw"] | None = None
    pixel_range: tuple[float, float] | None = None
    skip_broken: bool = False
    skip_small_classes: bool = False
    validation_share: float | None = None
    test_share: float | None = None
    class_weights: Literal["balanced"] | None = None
    folds: int = 1


class ImageFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts of an image data set that are known before any child is trained.

    `content` is the digest of its files (`data.identity`), wherever they lie; None for a set that comes with this package, or
    that is not here. `skipped_pictures` counts the pictures that `skip_broken` leaves out; the digest is that of their names.
    """

    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_examples: int
    validation_examples: int
    test_examples: int
    flip: bool
    skipped_pictures: int = 0
    skipped_digest: str | None = None
    content: str | None = None


FEW_TO_VALIDATE = 250
"""Validation examples below which the standard error of an accuracy is above 3 %, at an accuracy of one half."""


def dataset_of(child: Child | None) -> DatasetReference | None:
    """Return the data set of a child that is trained on images; None for any other."""
    if child is None or child.problem.name != IMAGES:
        return None
    return _read(child.problem.dataset, DatasetReference, "dataset")


def facts_of(child: Child | None) -> ImageFacts | None:
    """Return the facts of a child's images; None for a child that is trained on anything else."""
    if child is None or child.problem.name != IMAGES:
        return None
    return _read(child.problem.facts, ImageFacts, "facts")


def _read(fields: Any, kind: type[T], name: str) -> T:
    """Return what an artifact says of the problem of a child as its type. Raises ArtifactError where it is not of that type."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        path, problem = path_and_problem(str(error))
        place = f"{name}.{path}" if path else name
        raise ArtifactError(f"child.problem.{place}: {problem}; it was changed by hand. Make it again") from error


def reference_for(source: str, image_shape: tuple[int, int, int]) -> DatasetReference:
    """Return the data set of this source with images of this shape (height, width, channels), where it can have such images.

    Images with a side outside `SIZE_LIMITS` are taken as they are.

    >>> reference_for("digits", (16, 16, 1)).image_size, reference_for("./photos", (24, 36, 3)).image_size
    (16, (24, 36))
    >>> reference_for("./photos", (2, 36, 3)).image_size is None
    True
    """
    height, width, _ = image_shape
    least, most = SIZE_LIMITS
    if not least <= min(height, width) <= max(height, width) <= most:
        return DatasetReference(source=source)
    return DatasetReference(source=source, image_size=height if height == width else (height, width))


def extent_of(image_size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Return an `image_size` as (height, width).

    >>> extent_of(32), extent_of((24, 36))
    ((32, 32), (24, 36))
    """
    return (image_size, image_size) if isinstance(image_size, int) else image_size

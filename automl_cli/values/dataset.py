"""Which data a child is trained on, as plain data: enough to load the same arrays again."""

from typing import Literal

from msgspec import Struct


class DatasetReference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data set by name or path, and what is done to it before training.

    `source` is a name (`digits`, `cifar10`, …), a folder of class folders, or an `.npz` file. `train_examples` takes a seeded
    subset of the training split, stratified by class, before validation is split off. `split_seed` draws that subset and the
    validation split; it is part of the data, not of the search, so that scores of different searches can be compared.
    `flip` says whether a mirrored image is as good as the image; None leaves it to what is known of the set.
    """

    source: str
    data_dir: str | None = None
    train_examples: int | None = None
    image_size: int | None = None
    metric: Literal["accuracy", "balanced-accuracy"] = "accuracy"
    split_seed: int = 0
    flip: bool | None = None


class ImageFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of an image data set before any child is trained."""

    image_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_examples: int
    validation_examples: int
    test_examples: int
    flip: bool

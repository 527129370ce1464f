"""Published facts of well-known image data sets, for planning without the data."""

from automl_cli.data.catalogue import MIRROR_SENSITIVE, canonical_name
from automl_cli.data.splits import holding_of, sizes_of
from automl_cli.values.dataset import DatasetReference, ImageFacts, extent_of


def published_facts(dataset: DatasetReference) -> ImageFacts | None:
    """Return the published facts of a well-known data set, which need not be here; None for any other."""
    name = canonical_name(dataset.source)
    if name not in _PUBLISHED:
        return None
    side, channels, classes, train, test = _PUBLISHED[name]
    sizes = sizes_of(name, {"train": train, "test": test}, dataset.train_examples, holding_of(dataset))
    height, width = extent_of(dataset.image_size) or (side, side)
    return ImageFacts(
        image_shape=(height, width, channels),
        classes=tuple(map(str, range(classes))),
        train_examples=sizes.train,
        validation_examples=sizes.validation,
        test_examples=sizes.test,
        flip=name not in MIRROR_SENSITIVE,
    )


_PUBLISHED = {
    "cifar10": (32, 3, 10, 50_000, 10_000),
    "cifar100": (32, 3, 100, 50_000, 10_000),
    "mnist": (28, 1, 10, 60_000, 10_000),
    "fashion_mnist": (28, 1, 10, 60_000, 10_000),
    "svhn_cropped": (32, 3, 10, 73_257, 26_032),
    "imagenet2012": (224, 3, 1000, 1_281_167, 50_000),
}
"""Height and width, channels, classes, training and test examples, as published."""

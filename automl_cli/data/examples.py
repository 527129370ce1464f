"""A few images of a data set, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl_cli.data.opening import open_source
from automl_cli.data.split_indices import facts_of, learning_indices, sizes_for
from automl_cli.values.dataset import DatasetReference, ImageFacts

if TYPE_CHECKING:
    import numpy as np


def example_images(reference: DatasetReference, count: int) -> tuple[list[np.ndarray], ImageFacts]:
    """Return training images (height, width, channels) uint8 of different classes as far as there are any, by class, and the
    set's facts.

    Only these images are decoded. Raises DataError for a set that is missing or broken.
    """
    import numpy as np

    source = open_source(reference)
    sizes = sizes_for(source, reference)
    train, _ = learning_indices(source, reference)
    _, firsts = np.unique(train.labels, return_index=True)
    others = np.setdiff1d(np.arange(len(train.labels)), firsts)
    chosen = np.sort(np.concatenate([firsts, others])[:count])
    images = [image for chunk in source.images(train.part, train.indices[chosen]) for image in chunk]
    return [images[place] for place in np.argsort(train.labels[chosen], kind="stable")], facts_of(source, sizes, reference)

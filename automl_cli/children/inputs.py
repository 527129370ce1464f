"""What a network is shown: the data of a recipe, prepared as arrays or streamed, on the device."""

import numpy as np

from automl_cli.children import recipes
from automl_cli.data import ImageData, ImageSplit, StreamedData, StreamedSplit
from automl_cli.nn.augment import Batches, Examples, crop_and_flip
from automl_cli.nn.colours import distort_colours
from automl_cli.nn.streaming import StreamedBatches, StreamedExamples
from automl_cli.values.recipe import Recipe

Data = ImageData | StreamedData
Split = ImageSplit | StreamedSplit

Moments = tuple[np.ndarray, np.ndarray]
"""Mean and deviation of each channel that images are whitened with."""


def training_batches(data: Data, recipe: Recipe) -> Batches | StreamedBatches:
    """The training examples as the recipe augments them. Raises ValueError for data that were not loaded for this recipe."""
    moments, size = (data.mean, data.std), recipe.batch_size
    if isinstance(data, StreamedData) != recipe.streamed:
        raise ValueError(f"augmentation {recipe.augmentation!r} does not go with {type(data).__name__}")
    if isinstance(data, StreamedData):
        return StreamedBatches(data.train, moments=moments, size=size, flip=data.facts.flip, transform=distort_colours)
    transform = crop_and_flip(flip=data.facts.flip) if recipe.augmentation == "standard" else None
    return Batches(data.train.images, data.train.labels, moments=moments, size=size, transform=transform)


def examples(
    split: Split, recipe: Recipe, *, moments: Moments, largest_batch: int, smaller: bool = True
) -> Examples | StreamedExamples:
    """The examples of a split as the recipe looks at them outside training; `smaller` as in `augment.Examples`."""
    if isinstance(split, StreamedSplit):
        return StreamedExamples(split, moments=moments, largest_batch=largest_batch, smaller=smaller)
    view = recipes.view(recipe)
    return Examples(split.images, moments=moments, largest_batch=largest_batch, smaller=smaller, view=view)

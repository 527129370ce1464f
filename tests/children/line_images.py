"""Children on small images of lines: filled roles for tests of trainings, and a data set that is learnt in a second."""

from typing import Any
from unittest import mock

import numpy as np

from automl_cli.children.learning import Testing
from automl_cli.children.trainer import Trainer
from automl_cli.data import ImageData, ImageSplit
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import by_names, network_filling
from automl_cli.values.child import Child
from automl_cli.values.dataset import ImageFacts
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.recipe import Recipe
from tests.study.worlds import digits_child

LINES = ImageFacts(
    image_shape=(6, 6, 1), classes=("a", "b"), train_examples=128, validation_examples=60, test_examples=0, flip=False
)
NETWORK = Network(
    blocks=(
        Block("a", ConvolutionUnit(kernel=(3, 3), filters=8), (IMAGE,)),
        Block("b", ConvolutionUnit(kernel=(3, 3), filters=8), ("a",)),
    ),
    outputs=("b",),
)
RECIPE = Recipe(batch_size=32, learning_rate=0.1, schedule="cosine")


def child_on(
    facts: ImageFacts = LINES,
    recipe: Recipe = RECIPE,
    network: Network = NETWORK,
    *,
    optimizer: str = "nesterov",
    augmentation: str = "standard",
    activation: str = "relu",
    **dataset: Any,
) -> Child:
    """Return a child on images of these facts with all roles filled; `dataset` are fields of its data set."""
    named = by_names({"optimizer": optimizer, "augmentation": augmentation, "activation": activation})
    return digits_child(facts, recipe=recipe, **dataset).filled(network=network_filling(network), **named)


def image_data(**options: float) -> ImageData:
    """Return images of horizontal and vertical lines as loaded data."""
    train, validation = split(128, 0, **options), split(60, 1, **options)
    mean = train.images.mean((0, 1, 2)).astype(np.float32)
    std = train.images.std((0, 1, 2)).astype(np.float32)
    return ImageData(train, validation, LINES, mean, std, np.bincount(train.labels, minlength=2))


def split(count: int, seed: int, share_of_class_1: float = 0.5) -> ImageSplit:
    """Return 8-bit images of horizontal and vertical lines with their class."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 60, (count, 6, 6, 1))
    labels = (random.random(count) < share_of_class_1).astype(np.int32)
    for image, label, place in zip(images, labels, random.integers(0, 6, count), strict=True):
        image[place if label else slice(None), slice(None) if label else place] += 120
    return ImageSplit(images.astype(np.uint8), labels)


def trainer_on(child: Child, data: ImageData | None = None, **options: Any) -> Trainer:
    """Return a trainer of such children on data in memory."""
    with mock.patch("automl_cli.data.load_images", return_value=data or image_data()):
        return Trainer(child, **options)


def held_out(child: Child, examples: ImageSplit, preparation: Any) -> Testing:
    """Return these examples as the test split of a trained child."""
    with mock.patch("automl_cli.data.load_test_split", return_value=examples):
        testing: Testing = problem_named(child.problem.name).test(child, preparation)
        return testing

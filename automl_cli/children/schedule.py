"""What a recipe means beside its update rule: the learning-rate schedule, what a network drops, and its precision."""

import math

from automl_cli.nn.fit import Schedule
from automl_cli.nn.networks import DropSettings
from automl_cli.nn.ops.backend import has_bfloat16
from automl_cli.values.recipe import Recipe

EXPONENTIAL_FACTOR, EXPONENTIAL_EPOCHS = 0.97, 2.4


def drop_settings(recipe: Recipe) -> DropSettings | None:
    """What the network drops in training."""
    if recipe.drop_path_keep == 1 and recipe.dropout == 0:
        return None
    return DropSettings(recipe.drop_path_keep, recipe.dropout, by_depth=recipe.drop_path_schedule == "time-and-depth")


def half(recipe: Recipe) -> bool:
    """Whether activations are bfloat16 here."""
    return recipe.precision == "mixed" and has_bfloat16()


def schedule(recipe: Recipe, epochs: int) -> Schedule:
    """The learning rate at a share of the training: its course, and in the first epochs of a warm-up a part of that."""
    course = _course(recipe, epochs)
    if recipe.warmup_epochs == 0:
        return course
    return lambda share: course(share) * min(1.0, share * epochs / recipe.warmup_epochs)


def _course(recipe: Recipe, epochs: int) -> Schedule:
    """Constant; falling by 3 % after every 2.4 epochs; or half a cosine down to zero (arXiv 1608.03983, one period)."""
    if recipe.schedule == "constant":
        return lambda share: recipe.learning_rate
    if recipe.schedule == "exponential":
        return lambda share: recipe.learning_rate * EXPONENTIAL_FACTOR ** math.floor(share * epochs / EXPONENTIAL_EPOCHS)
    return lambda share: recipe.learning_rate * (1 + math.cos(math.pi * share)) / 2

"""The training settings of a recipe besides its update rule: learning-rate schedule, drop settings, and precision."""

import math

from automl_cli.nn.fit import Schedule
from automl_cli.nn.networks import DropSettings
from automl_cli.nn.ops.backend import has_bfloat16
from automl_cli.values.recipe import Recipe

EXPONENTIAL_FACTOR, EXPONENTIAL_EPOCHS = 0.97, 2.4
"""Factor of the exponential schedule, and the epochs after which it applies."""


def drop_settings(recipe: Recipe) -> DropSettings | None:
    """Return the drop settings of a training; None if it drops nothing."""
    if recipe.drop_path_keep == 1 and recipe.dropout == 0:
        return None
    return DropSettings(recipe.drop_path_keep, recipe.dropout, by_depth=recipe.drop_path_schedule == "time-and-depth")


def half(recipe: Recipe) -> bool:
    """Return whether activations are bfloat16 on this machine."""
    return recipe.precision == "mixed" and has_bfloat16()


def schedule(recipe: Recipe, epochs: int) -> Schedule:
    """Return the learning rate as a function of progress in [0, 1]: the recipe's decay, scaled up linearly during a warm-up."""
    decay = _decay(recipe, epochs)
    if recipe.warmup_epochs == 0:
        return decay
    return lambda progress: decay(progress) * min(1.0, progress * epochs / recipe.warmup_epochs)


def _decay(recipe: Recipe, epochs: int) -> Schedule:
    """Return a constant rate, one that falls by 3 % after every 2.4 epochs, or half a cosine to zero (arXiv 1608.03983, one
    period)."""
    if recipe.schedule == "constant":
        return lambda progress: recipe.learning_rate
    if recipe.schedule == "exponential":
        return lambda progress: recipe.learning_rate * EXPONENTIAL_FACTOR ** math.floor(progress * epochs / EXPONENTIAL_EPOCHS)
    return lambda progress: recipe.learning_rate * (1 + math.cos(math.pi * progress)) / 2

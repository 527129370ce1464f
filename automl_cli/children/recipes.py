"""What a recipe means: its update rule, its learning-rate schedule, and how images are looked at outside training."""

import math

import optax

from automl_cli.core.recipes import Recipe
from automl_cli.nn.augment import View, centre_crop
from automl_cli.nn.fit import Schedule


def update_rule(recipe: Recipe) -> optax.GradientTransformation:
    """Momentum with weight decay on all parameters; the learning rate is applied outside.

    g <- gradient + decay * parameter;  m <- momentum * m + g;  update = g + momentum * m (Nesterov), or m
    """
    return optax.chain(optax.add_decayed_weights(recipe.weight_decay), optax.trace(recipe.momentum, nesterov=recipe.nesterov))


def view(recipe: Recipe) -> View | None:
    """How images are looked at outside training: at the scale they are trained at."""
    return centre_crop if recipe.augmentation == "standard" else None


def schedule(recipe: Recipe) -> Schedule:
    """The learning rate at a share of the training: constant, or half a cosine down to zero (arXiv 1608.03983, one period)."""
    if recipe.schedule == "constant":
        return lambda share: recipe.learning_rate
    return lambda share: recipe.learning_rate * (1 + math.cos(math.pi * share)) / 2

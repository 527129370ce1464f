"""What a recipe means: its update rule, its learning-rate schedule, and how images are looked at outside training."""

import math

import optax

from automl_cli.nn.augment import View, centre_crop
from automl_cli.nn.fit import Schedule
from automl_cli.nn.networks import NoiseSettings
from automl_cli.nn.ops.backend import has_bfloat16
from automl_cli.values.recipe import Recipe

SQUARES_DECAY, EPSILON = 0.9, 1.0
"""Of RMSProp, as the papers of this line used it on ImageNet (NASNet, arXiv 1707.07012, appendix A)."""

EXPONENTIAL_FACTOR, EXPONENTIAL_EPOCHS = 0.97, 2.4


def update_rule(recipe: Recipe) -> optax.GradientTransformation:
    """Momentum with weight decay on all parameters; the learning rate is applied outside.

    g <- gradient + decay * parameter, scaled down to the bound on its norm
    g <- g / sqrt(s + 1) with s <- 0.9 s + 0.1 g^2, from s = 1 on (RMSProp only)
    m <- momentum * m + g;  update = g + momentum * m (Nesterov), or m
    """
    parts = [optax.add_decayed_weights(recipe.weight_decay)]
    if recipe.gradient_clip is not None:
        parts.append(optax.clip_by_global_norm(recipe.gradient_clip))
    if recipe.optimizer == "rmsprop":
        parts.append(optax.scale_by_rms(SQUARES_DECAY, EPSILON, initial_scale=1.0))
    return optax.chain(*parts, optax.trace(recipe.momentum, nesterov=recipe.nesterov))


def noise(recipe: Recipe) -> NoiseSettings | None:
    """What the network drops in training."""
    if recipe.drop_path_keep == 1 and recipe.dropout == 0:
        return None
    return NoiseSettings(recipe.drop_path_keep, recipe.dropout, by_depth=recipe.drop_path_schedule == "time-and-depth")


def view(recipe: Recipe) -> View | None:
    """How images are looked at outside training: at the scale they are trained at."""
    return centre_crop if recipe.augmentation == "standard" else None


def half(recipe: Recipe) -> bool:
    """Whether activations are bfloat16 here."""
    return recipe.precision == "mixed" and has_bfloat16()


def schedule(recipe: Recipe, epochs: int) -> Schedule:
    """The learning rate at a share of the training: constant; falling by 3 % after every 2.4 epochs; or half a cosine down to
    zero (arXiv 1608.03983, one period)."""
    if recipe.schedule == "constant":
        return lambda share: recipe.learning_rate
    if recipe.schedule == "exponential":
        return lambda share: recipe.learning_rate * EXPONENTIAL_FACTOR ** math.floor(share * epochs / EXPONENTIAL_EPOCHS)
    return lambda share: recipe.learning_rate * (1 + math.cos(math.pi * share)) / 2

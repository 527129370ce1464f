"""The update rules named in `values.optimizer`, as Optax transformations without a learning rate."""

from functools import cache

import optax

from automl_cli.values.optimizer import Optimizer
from automl_cli.values.recipe import Recipe

SQUARES_DECAY, EPSILON = 0.9, 1.0
"""Constants of `rmsprop-tf`, as used on ImageNet by the papers of this line (NASNet, arXiv 1707.07012, appendix A)."""


@cache
def by_name(optimizer: Optimizer, recipe: Recipe) -> optax.GradientTransformation:
    """Return the update rule with weight decay on all parameters and a bound on the norm of the gradient.

    g <- gradient + decay * parameter, scaled down to the bound on its norm; the rule computes the update from g. With a
    decoupled rule, decay * parameter is added to the update instead. Equal arguments return the same object, since programs are
    cached by it.
    """
    decay = [optax.add_decayed_weights(recipe.weight_decay)]
    clip = [] if recipe.gradient_clip is None else [optax.clip_by_global_norm(recipe.gradient_clip)]
    if optimizer.decoupled:
        return optax.chain(*clip, *_rule(optimizer), *decay)
    return optax.chain(*decay, *clip, *_rule(optimizer))


def _rule(optimizer: Optimizer) -> list[optax.GradientTransformation]:
    match optimizer.name:
        case "sgd":
            return []
        case "momentum" | "nesterov":
            return [optax.trace(optimizer.momentum, nesterov=optimizer.name == "nesterov")]
        case "rmsprop-tf":
            squares = optax.scale_by_rms(SQUARES_DECAY, EPSILON, initial_scale=1.0)
            return [squares, optax.trace(optimizer.momentum, nesterov=False)]
        case "adam" | "adamw":
            return [optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8)]
        case "lion":
            return [optax.scale_by_lion(b1=0.9, b2=0.99)]

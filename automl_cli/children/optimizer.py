"""Update rules as Optax transformations without a learning rate."""

from functools import cache

import optax

from automl_cli.nn.interpret.rules import scale_by_rule
from automl_cli.values.optimizer import LibraryOptimizer, Optimizer
from automl_cli.values.recipe import Recipe


@cache
def transformation(optimizer: Optimizer, recipe: Recipe) -> optax.GradientTransformation:
    """Return weight decay on all parameters, the bound on the norm of the gradient, and the rule, in this order.

    g <- gradient + decay * parameter, scaled down to the bound on its norm; the update is what the rule makes of g. With a
    decoupled rule decay * parameter is added to the update instead. One object for equal arguments, since programs are kept by
    it. Rules that depend on the number of steps, or draw, are started by `nn.interpret.rules.begin`.
    """
    decay = [optax.add_decayed_weights(recipe.weight_decay)]
    clip = [] if recipe.gradient_clip is None else [optax.clip_by_global_norm(recipe.gradient_clip)]
    if optimizer.decoupled:
        return optax.chain(*clip, _rule(optimizer), *decay)
    return optax.chain(*decay, *clip, _rule(optimizer))


def _rule(optimizer: Optimizer) -> optax.GradientTransformation:
    if not isinstance(optimizer, LibraryOptimizer):
        return scale_by_rule(optimizer.expanded)
    raise NotImplementedError

"""Update rules as Optax transformations without a learning rate."""

from functools import cache

import msgspec
import optax

from automl_cli.nn.interpret import library_rules, rule_programs, rules
from automl_cli.values.optimizer import Optimizer, UpdateRule
from automl_cli.values.recipe import Recipe


@cache
def transformation(optimizer: Optimizer, recipe: Recipe) -> optax.GradientTransformation:
    """Return weight decay on all parameters, the bound on the norm of the gradient, and the rule, in this order.

    g <- gradient + decay * parameter, scaled down to the bound on its norm; the update is what the rule makes of g. With a
    decoupled rule decay * parameter is added to the update instead. One object for equal arguments, since programs are kept by
    it. Schedule-Free has the decay inside. Rules that depend on the number of steps, or draw, are started by
    `nn.interpret.rules.begin`.
    """
    if isinstance(optimizer, UpdateRule):
        return _chained(rules.scale_by_rule(optimizer.expanded), recipe, decoupled=optimizer.decoupled)
    if optimizer.averages:
        schedule_free = library_rules.scale_by_schedule_free(recipe.weight_decay)
        return _chained(schedule_free, msgspec.structs.replace(recipe, weight_decay=0.0), decoupled=True)
    return _chained(library_rules.scale_by_muon(), recipe, decoupled=optimizer.decoupled)


def started(
    optimizer: Optimizer, recipe: Recipe, *, total_steps: int, seed: int, as_data: bool = False
) -> optax.GradientTransformation:
    """Return `transformation` for a training of so many steps, whose random draws come from a seed.

    With `as_data` the rule is data to a program that all rules share, which compiles nothing for a new one
    (`nn.interpret.rule_programs`). Equal arguments, but for the steps and the seed, give the same function `update`, by which
    programs are kept. Raises UserError for a rule that is too long for that.
    """
    if as_data and isinstance(optimizer, UpdateRule):
        code = rule_programs.code_of(optimizer.expanded)
        rule = rule_programs.scale_by_code(code, total_steps=total_steps, seed=seed)
        return optax.GradientTransformation(_init_of(rule, optimizer, recipe), _update_of_all(optimizer.decoupled, recipe))
    return rules.begin(transformation(optimizer, recipe), total_steps=total_steps, seed=seed)


def _chained(rule: optax.GradientTransformation, recipe: Recipe, *, decoupled: bool) -> optax.GradientTransformation:
    decay = [optax.add_decayed_weights(recipe.weight_decay)]
    clip = [] if recipe.gradient_clip is None else [optax.clip_by_global_norm(recipe.gradient_clip)]
    return optax.chain(*clip, rule, *decay) if decoupled else optax.chain(*decay, *clip, rule)


def _init_of(rule: optax.GradientTransformation, optimizer: UpdateRule, recipe: Recipe) -> optax.TransformInitFn:
    return _chained(rule, recipe, decoupled=optimizer.decoupled).init


@cache
def _update_of_all(decoupled: bool, recipe: Recipe) -> optax.TransformUpdateFn:
    """The one function that makes the updates of all rules; their code is in the state."""
    unused = optax.GradientTransformation(lambda parameters: optax.EmptyState(), rule_programs.update)
    return _chained(unused, recipe, decoupled=decoupled).update

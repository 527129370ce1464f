"""Update rules as Optax transformations without a learning rate."""

from functools import cache
from typing import NamedTuple

import msgspec
import optax

from automl_cli.nn.interpret import library_rules, rule_programs, rules
from automl_cli.values.optimizer import Optimizer, UpdateRule
from automl_cli.values.recipe import Recipe


class _Around(NamedTuple):
    """All of a recipe that a transformation depends on: not the learning rate, so that one program serves all rates."""

    weight_decay: float
    gradient_clip: float | None


def transformation(optimizer: Optimizer, recipe: Recipe) -> optax.GradientTransformation:
    """Return weight decay on all parameters, the bound on the norm of the gradient, and the rule, in this order.

    g <- gradient + decay * parameter, scaled down to the bound on its norm; the update is what the rule makes of g. With a
    decoupled rule decay * parameter is added to the update instead. One object for all learning rates, since programs are kept
    by it. Schedule-Free has the decay inside. Rules that depend on the number of steps, or draw, are started by
    `nn.interpret.rules.begin`.
    """
    if isinstance(optimizer, UpdateRule):
        optimizer = msgspec.structs.replace(optimizer, learning_rate=None)
    return _transformation(optimizer, _around(recipe))


@cache
def _transformation(optimizer: Optimizer, around: _Around) -> optax.GradientTransformation:
    if isinstance(optimizer, UpdateRule):
        return _chained(rules.scale_by_rule(optimizer.expanded), around, decoupled=optimizer.decoupled)
    if optimizer.averages:
        schedule_free = library_rules.scale_by_schedule_free(around.weight_decay)
        return _chained(schedule_free, around._replace(weight_decay=0.0), decoupled=True)
    return _chained(library_rules.scale_by_muon(), around, decoupled=optimizer.decoupled)


def started(
    optimizer: Optimizer, recipe: Recipe, *, total_steps: int, seed: int, as_data: bool = False
) -> optax.GradientTransformation:
    """Return `transformation` for a training of so many steps, whose random draws come from a seed.

    With `as_data` the rule is data to a program that all rules share, which compiles nothing for a new one
    (`nn.interpret.rule_programs`). Equal arguments, but for the steps, the seed and the learning rate, give the same function
    `update`, by which programs are kept. Raises UserError for a rule that is too long for that.
    """
    if as_data and isinstance(optimizer, UpdateRule):
        code = rule_programs.code_of(optimizer.expanded)
        rule = rule_programs.scale_by_code(code, total_steps=total_steps, seed=seed)
        around = _around(recipe)
        init = _chained(rule, around, decoupled=optimizer.decoupled).init
        return optax.GradientTransformation(init, _update_of_all(optimizer.decoupled, around))
    return rules.begin(transformation(optimizer, recipe), total_steps=total_steps, seed=seed)


def _around(recipe: Recipe) -> _Around:
    return _Around(recipe.weight_decay, recipe.gradient_clip)


def _chained(rule: optax.GradientTransformation, around: _Around, *, decoupled: bool) -> optax.GradientTransformation:
    decay = [optax.add_decayed_weights(around.weight_decay)]
    clip = [] if around.gradient_clip is None else [optax.clip_by_global_norm(around.gradient_clip)]
    return optax.chain(*clip, rule, *decay) if decoupled else optax.chain(*decay, *clip, rule)


@cache
def _update_of_all(decoupled: bool, around: _Around) -> optax.TransformUpdateFn:
    """Return the one function that makes the updates of all rules; their code is in the state."""
    unused = optax.GradientTransformation(lambda parameters: optax.EmptyState(), rule_programs.update)
    return _chained(unused, around, decoupled=decoupled).update

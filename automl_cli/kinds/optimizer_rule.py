"""Update rules: expressions, found or published, and optimizers of a library."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec.structs import replace

from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody
from automl_cli.values.expressions.sameness import rule_problem
from automl_cli.values.expressions.source import FORMATS
from automl_cli.values.optimizer import NAMED, LibraryOptimizer, Optimizer, UpdateRule
from automl_cli.values.recipe import Recipe


class RuleBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update rule that a search found, or a published one."""

    SCHEMA: ClassVar[Schema] = Schema("optimizer-rule")

    value: Optimizer


def words(optimizer: Optimizer) -> tuple[str, ...]:
    """Return the formula and the settings of the rule."""
    if isinstance(optimizer, LibraryOptimizer):
        return (f"{optimizer.name} of optax.contrib",)
    momentum = () if optimizer.momentum is None else (f"momentum {optimizer.momentum:g}",)
    return (", ".join((optimizer.expression, *momentum, *(("decoupled weight decay",) if optimizer.decoupled else ()))),)


def learned(rule: Optimizer, metrics: Mapping[str, float]) -> Optimizer:
    """Return the rule with the learning rate at which its child was trained, where several were tried."""
    if isinstance(rule, LibraryOptimizer) or "learning_rate" not in metrics:
        return rule
    return replace(rule, learning_rate=float(metrics["learning_rate"]))


def searched(rule: Optimizer) -> Optimizer:
    """Return the rule without the learning rate at which its child was trained."""
    return rule if isinstance(rule, LibraryOptimizer) else replace(rule, learning_rate=None)


def recipe(rule: Optimizer, before: Recipe) -> Recipe:
    """Return the recipe with the learning rate that suits the rule, where one is known; it stays constant for a rule that
    averages by itself."""
    if rule.learning_rate is None:
        return before
    after = replace(before, learning_rate=rule.learning_rate, learning_rates=())
    if isinstance(rule, LibraryOptimizer) and rule.averages:
        return replace(after, schedule="constant", warmup_epochs=0.0, average_decay=None)
    return after


def conflict(optimizer: Optimizer, recipe: Recipe) -> str | None:
    """Return why the optimizer cannot train by this recipe, or None."""
    if not (isinstance(optimizer, LibraryOptimizer) and optimizer.averages):
        return None
    changed = {
        "schedule": recipe.schedule != "constant",
        "warmup_epochs": recipe.warmup_epochs > 0,
        "average_decay": recipe.average_decay is not None,
    }
    for field, differs in changed.items():
        if differs:
            return (
                f"{optimizer.name} averages its parameters in place of a schedule of the learning rate, and the recipe has "
                f"{field} {getattr(recipe, field)}; it needs a constant rate without warm-up, and no average_decay"
            )
    return None


def problem(optimizer: Optimizer) -> str | None:
    """Return why nothing can be trained with it, or None."""
    return None if isinstance(optimizer, LibraryOptimizer) else rule_problem(optimizer)


KIND = Kind(
    name="optimizer-rule",
    role="optimizer",
    flag="optimizer",
    value=Optimizer,
    body=RuleBody,
    names=NAMED,
    about="adamw and lion have decoupled weight decay. A formula such as 'g * exp(sign(g) * sign(m))' can be given as well.",
    written=UpdateRule,
    as_data=True,
    learned=learned,
    searched=searched,
    recipe=recipe,
    conflict=conflict,
    whole=lambda optimizer: isinstance(optimizer, LibraryOptimizer),
    words=words,
    problem=problem,
    build="automl_cli.children.optimizer:started",
    export="automl_cli.jobs.export_expression:export_rule",
    formats=tuple(FORMATS),
    library="automl_cli.children.library:optimizer",
)

"""Update rules: expressions, found or published, and optimizers of a library."""

from typing import ClassVar

from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody
from automl_cli.values.expressions.sameness import rule_problem
from automl_cli.values.optimizer import NAMED, LibraryOptimizer, Optimizer, UpdateRule


class RuleBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An update rule that a search found."""

    SCHEMA: ClassVar[Schema] = Schema("optimizer-rule")

    value: UpdateRule


def words(optimizer: Optimizer) -> tuple[str, ...]:
    """Return the formula and the settings of the rule."""
    if isinstance(optimizer, LibraryOptimizer):
        return (f"{optimizer.name} of optax.contrib",)
    momentum = () if optimizer.momentum is None else (f"momentum {optimizer.momentum:g}",)
    return (", ".join((optimizer.expression, *momentum, *(("decoupled weight decay",) if optimizer.decoupled else ()))),)


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
    words=words,
    problem=problem,
    build="automl_cli.children.optimizer:started",
)

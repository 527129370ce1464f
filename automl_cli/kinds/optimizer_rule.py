"""Update rules: expressions, found or published, and optimizers of a library."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from msgspec.structs import replace

from automl_cli.core.numbers import counted
from automl_cli.core.spaces import Baseline
from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody
from automl_cli.values.drawn_formulas import rule_formula
from automl_cli.values.expressions.latex import latex
from automl_cli.values.expressions.reading import signs_reading
from automl_cli.values.expressions.rule_step import averages
from automl_cli.values.expressions.sameness import rule_problem
from automl_cli.values.expressions.source import FORMATS
from automl_cli.values.expressions.tree import Expression, calls, length, uses
from automl_cli.values.expressions.tree import replace as replaced
from automl_cli.values.optimizer import NAMED, RULES, LibraryOptimizer, Optimizer, UpdateRule, definitions
from automl_cli.values.recipe import Recipe
from automl_cli.values.sheet import Facts, Grid, Lines, Part


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


MEANINGS = {
    "t": "steps done before this one",
    "T": "all steps of the training",
    "w": "the parameter",
    "noise": "drawn from a normal distribution of deviation 0.01",
    "annealed_noise": "drawn from a normal distribution of variance 1 / (1 + t)^0.55",
    "ema(x, d)": "average over the steps: a <- d a + (1 - d) x, from 0",
    "previous_ema(x, d)": "the same average before this step",
    "ema_from_one(x, d)": "average over the steps: a <- d a + (1 - d) x, from 1",
    "trace(x, d)": "sum over the steps: a <- d a + x, from 0",
    "clip(x, l)": "x cut to [-l, l]",
    "drop(x, p)": "0 with probability p, otherwise x",
}
"""What operands and functions of rules mean that not everybody knows."""


def sheet(body: RuleBody, place: str) -> Iterator[Part]:
    """Yield the rule with the definitions of its names, then what it does and keeps."""
    rule = body.value
    if isinstance(rule, LibraryOptimizer):
        yield Lines("\n".join(body.words))
        return
    yield Facts(
        (
            ("update", rule.expression),
            ("LaTeX", latex(_without_long_names(rule), RULES.operand_latex)),
            ("step", "w <- w - learning rate * update"),
            *(() if rule.learning_rate is None else (("learning rate", f"{rule.learning_rate:g}"),)),
            ("weight decay", "added to the update (decoupled)" if rule.decoupled else "added to the gradient"),
            ("keeps", _memory(rule)),
        )
    )
    if defined := tuple(_definitions(rule)):
        yield Facts(defined)
    yield _signs(rule)


def _without_long_names(rule: UpdateRule) -> Expression:
    """Return the rule with defined names such as adam put in their places; m, v and r stay, as papers write them."""
    return replaced(rule.tree, {name: meant for name, meant in definitions().items() if len(name) > 1})


def _definitions(rule: UpdateRule) -> Iterator[tuple[str, str]]:
    """Yield what the names in a rule stand for or mean."""
    yield from ((name, RULES.definitions[name]) for name in definitions() if uses(rule.tree, name))
    if rule.momentum is not None:
        yield "momentum", f"{rule.momentum:g}"
    for name, meaning in MEANINGS.items():
        function, _, arguments = name.partition("(")
        if calls(rule.expanded, function) if arguments else uses(rule.expanded, name):
            yield name, meaning


def _memory(rule: UpdateRule) -> str:
    kept = averages(rule.expanded)
    return f"{counted(len(kept), 'number')} for each parameter{': ' * bool(kept)}{', '.join(kept)}"


def _signs(rule: UpdateRule) -> Grid:
    """Return update / g where the gradients before had the sign of this one, and where they had the other."""
    found = signs_reading(rule.expanded)
    moments = [f"at the {name}" if name != "always" else "at all times" for name in found]
    rows = zip(("agree in sign", "disagree in sign"), zip(*found.values(), strict=True), strict=True)
    return Grid(
        ("update / g where g and the gradients before", *moments),
        tuple((name, *(f"{round(value, 6) + 0.0:.4g}" for value in values)) for name, values in rows),
    )


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
    """Return why the optimizer cannot train by this recipe, or None: steps that can only diverge, or a schedule in its way."""
    if (too_large := _too_large(optimizer, recipe)) is not None:
        return too_large
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


LARGEST_OF_KNOWN = 1_000
"""A learning rate may be so many times the one at which a rule is known to work."""


def _too_large(optimizer: Optimizer, recipe: Recipe) -> str | None:
    """Return why steps are so large that a training can only diverge: by the learning rate alone, or with the weight decay."""
    rate, known = recipe.learning_rate, optimizer.learning_rate
    if known is not None and rate > LARGEST_OF_KNOWN * known:
        return (
            f"--learning-rate is {rate:g}; with this optimizer, which is known to work at {known:g}, it must be at most "
            f"{LARGEST_OF_KNOWN * known:g}: its steps are about as large as the rate, whatever the gradient"
        )
    if rate * recipe.weight_decay > 1:
        return (
            f"--weight-decay is {recipe.weight_decay:g}; at the learning rate {rate:g} it must be at most {1 / rate:g}: a step "
            "would take away more than the whole weight"
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
    as_data="whole",
    learned=learned,
    searched=searched,
    recipe=recipe,
    conflict=conflict,
    whole=lambda optimizer: isinstance(optimizer, LibraryOptimizer),
    words=words,
    sheet=sheet,
    drawing=lambda optimizer: () if isinstance(optimizer, LibraryOptimizer) else (rule_formula(optimizer),),
    length=lambda optimizer: 1 if isinstance(optimizer, LibraryOptimizer) else length(optimizer.tree),
    problem=problem,
    baseline=Baseline("adam"),
    build="automl_cli.children.optimizer:started",
    export="automl_cli.jobs.export_expression:export_rule",
    formats=tuple(FORMATS),
    library="automl_cli.children.library:optimizer",
)

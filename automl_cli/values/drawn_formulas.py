"""Formulas of activation functions and update rules in mathematical notation, as data."""

import math
from collections.abc import Iterator, Mapping

from automl_cli.values.activation import ACTIVATIONS, ActivationFunction
from automl_cli.values.drawings import Equation, Formula
from automl_cli.values.expressions.latex import latex
from automl_cli.values.expressions.tree import Expression, Name, Number, calls, printed, replace, uses, walk
from automl_cli.values.optimizer import RULES, UpdateRule, definitions

CONSTANTS = {math.pi: ("pi", r"\pi"), math.sqrt(2.0): ("sqrt(2)", r"\sqrt{2}")}
"""Numbers that have a name in mathematics, as text and as LaTeX."""

AVERAGES = {
    "ema": Equation(
        r"\operatorname{ema}_{d}(x)\colon \quad a \leftarrow d \, a + (1 - d) \, x, \quad a_0 = 0",
        "ema(x, d): a <- d a + (1 - d) x, from 0",
    ),
    "previous_ema": Equation(
        r"\operatorname{ema}^-_{d}(x)\colon \quad \operatorname{ema}_{d}(x) \; \mathrm{one \; step \; before}",
        "previous_ema(x, d): ema(x, d) one step before",
    ),
    "ema_from_one": Equation(
        r"\operatorname{ema}^1_{d}(x)\colon \quad a \leftarrow d \, a + (1 - d) \, x, \quad a_0 = 1",
        "ema_from_one(x, d): a <- d a + (1 - d) x, from 1",
    ),
    "trace": Equation(
        r"\operatorname{trace}_{d}(x)\colon \quad a \leftarrow d \, a + x, \quad a_0 = 0",
        "trace(x, d): a <- d a + x, from 0",
    ),
}
"""What the averages of rules mean, by the functions that compute them."""

WHOLE = ("adam", "rmsprop")
"""Names that are whole rules; they are written out."""


def activation_formula(function: ActivationFunction) -> Formula:
    """Return f(x), and what its trained parameters start from."""
    names = ACTIVATIONS.operand_latex
    starts = (
        Equation(f"{names[beta]} = {start:g} \\quad \\mathrm{{at \\; first}}", f"{beta} = {start:g} at first")
        for beta, start in zip(function.betas, function.starts, strict=True)
    )
    return Formula("formula", (_equation("f(x)", "f(x)", function.tree, names), *starts))


def rule_formula(rule: UpdateRule) -> Formula:
    """Return the step of a rule, its update, and what the names in it mean."""
    meant = definitions()
    tree = replace(rule.tree, {name: meant[name] for name in WHOLE})
    step = (
        Equation(r"w \leftarrow w - \eta \, (u + \lambda \, w)", "w <- w - learning rate * (u + weight decay * w)")
        if rule.decoupled
        else Equation(r"w \leftarrow w - \eta \, u", "w <- w - learning rate * u")
    )
    return Formula("update rule", (step, _equation("u", "u", tree, RULES.operand_latex), *_meanings(rule, tree)))


def _meanings(rule: UpdateRule, tree: Expression) -> Iterator[Equation]:
    used = {name: meaning for name, meaning in definitions().items() if uses(tree, name)}
    for name, meaning in used.items():
        left = name if len(name) == 1 else rf"\mathrm{{{name}}}"
        yield _equation(left, name, meaning, RULES.operand_latex)
    if rule.momentum is not None:
        yield Equation(rf"\mu = {rule.momentum:g}", f"momentum = {rule.momentum:g}")
    yield from (average for name, average in AVERAGES.items() if any(calls(part, name) for part in (tree, *used.values())))


def _equation(left: str, name: str, tree: Expression, names: Mapping[str, str]) -> Equation:
    """Return an equation whose left side is given, as LaTeX and as text."""
    known = dict(CONSTANTS.values())
    return Equation(f"{left} = {latex(_with_constants(tree), {**names, **known})}", f"{name} = {printed(tree)}")


def _with_constants(tree: Expression) -> Expression:
    """Return the expression with names in place of numbers that have one."""
    if not any(isinstance(part, Number) and part.value in CONSTANTS for part in walk(tree)):
        return tree
    if isinstance(tree, Number):
        return Name(CONSTANTS[tree.value][0])
    assert not isinstance(tree, Name)
    return type(tree)(tree.function, tuple(map(_with_constants, tree.arguments)))

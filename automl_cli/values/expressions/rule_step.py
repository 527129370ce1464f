"""One step of an update rule, over arrays of NumPy or JAX."""

from collections.abc import Mapping
from typing import Any

from automl_cli.values.expressions.evaluation import Table
from automl_cli.values.expressions.tree import STATEFUL, Call, Expression, Name, Number, call, calls, printed, uses

NOISE_DEVIATION = 0.01
"""Of the operand `noise`."""

ANNEALING = 0.55
"""Exponent of the variance of the operand `annealed_noise`, 1 / (1 + t)^0.55 (Neelakantan et al., arXiv 1511.06807)."""


def kept_average(part: Call) -> Call:
    """Return the average that a call reads: previous_ema(x, d) and ema(x, d) share one."""
    return call("ema", *part.arguments) if part.function == "previous_ema" else part


def averages(expression: Expression) -> tuple[str, ...]:
    """Return the averages that a rule keeps from step to step, in printed form, inner ones first, each once."""
    found: dict[str, None] = {}

    def visit(part: Expression) -> None:
        if isinstance(part, Call):
            for argument in part.arguments:
                visit(argument)
            if part.function in STATEFUL:
                found[printed(kept_average(part))] = None

    visit(expression)
    return tuple(found)


def draws(expression: Expression) -> bool:
    """Return whether a rule draws at random."""
    return uses(expression, "noise", "annealed_noise") or calls(expression, "drop")


def counts(expression: Expression) -> bool:
    """Return whether a rule depends on the number of steps done."""
    return draws(expression) or uses(expression, "t")


def start_of(average: str) -> float:
    """Return what an average starts from."""
    return 1.0 if average.startswith("ema_from_one") else 0.0


class RuleStep:
    """One step of a rule over arrays of one shape.

    `operands` are g, w, t, T, noise and annealed_noise, as far as they stand in the expression, which holds no settings and no
    defined names. `kept` are the averages before the step, by printed form; `uniform` is drawn from [0, 1) for every number,
    one draw for all drops of the step. `kept_after` are the averages behind it.
    """

    def __init__(self, operands: Mapping[str, Any], kept: Mapping[str, Any], functions: Table, *, uniform: Any = None) -> None:
        self.kept_after: dict[str, Any] = {}
        self._operands = operands
        self._kept = kept
        self._functions = functions
        self._uniform = uniform
        self._values: dict[Expression, Any] = {}

    def value(self, expression: Expression) -> Any:
        """Return the value of an expression in this step; what stands in it twice is computed once."""
        match expression:
            case Number(value=value):
                return value
            case Name(name=name):
                return self._operands[name]
        if expression not in self._values:
            self._values[expression] = self._called(expression)
        return self._values[expression]

    def _called(self, part: Call) -> Any:
        values = [self.value(argument) for argument in part.arguments]
        if part.function in STATEFUL:
            return self._average(part, *values)
        if part.function == "drop":
            kept, share = values
            return self._functions["where"](self._uniform < share, 0.0, kept)
        return self._functions[part.function](*values)

    def _average(self, part: Call, value: Any, decay: float) -> Any:
        name = printed(kept_average(part))
        before = self._kept[name]
        new = value + decay * before if part.function == "trace" else (1 - decay) * value + decay * before
        self.kept_after[name] = new
        return before if part.function == "previous_ema" else new

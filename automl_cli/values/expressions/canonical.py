"""The canonical form of an expression, and which expressions are the same function.

The form puts the operands of sums, products, maxima and minima in order, works out constants and removes what does nothing. Two
expressions with one form compute the same; those that compute the same by other laws have forms of their own, which is what
`fingerprint` is for: it looks at outputs.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from automl_cli.values.expressions.evaluation import constant_value, evaluate, numpy_functions
from automl_cli.values.expressions.tree import FUNCTIONS, STATEFUL, Call, Expression, Name, Number, call, printed

SAMPLES = 1000
"""Normal samples on which functions are compared."""

BITS = 19
"""Bits of the mantissa in which outputs must agree."""


def canonical(expression: Expression) -> Expression:
    """Return the canonical form of an expression. It computes the same wherever all parts of the expression are finite: the
    constant -0 becomes 0.

    >>> from automl_cli.values.activation import ActivationFunction
    >>> printed(canonical(ActivationFunction("sigmoid(x) * (1 * -(-x))").tree))
    'x * sigmoid(x)'
    """
    if isinstance(expression, Number):
        return Number(expression.value + 0.0)
    if isinstance(expression, Name):
        return expression
    found = Call(expression.function, tuple(canonical(argument) for argument in expression.arguments))
    if all(isinstance(argument, Number) for argument in found.arguments) and found.function not in _NOT_CONSTANT:
        value = constant_value(found)
        return found if value is None else Number(value + 0.0)
    simple = _simplified(found)
    if isinstance(simple, Call) and FUNCTIONS[simple.function].commuting:
        return Call(
            simple.function, tuple(sorted(simple.arguments, key=partial(_order, numbers_first=simple.function == "multiply")))
        )
    return simple


_NOT_CONSTANT = ("drop", *STATEFUL)
"""Functions of constants that are not constant: they draw, or depend on the step."""

_TWICE_IS_ONCE = ("sign", "abs")


def _simplified(found: Call) -> Expression:
    """The call without what does nothing; its arguments are canonical."""
    for law in (_without_neutral, _without_negation, _without_repetition):
        if (simpler := law(found)) is not None:
            return simpler
    return found


def _without_neutral(found: Call) -> Expression | None:
    """A sum without 0, a product or power without 1."""
    match found:
        case Call(function="add" | "subtract", arguments=(left, Number(value=0.0))):
            return left
        case Call(function="add", arguments=(Number(value=0.0), right)):
            return right
        case Call(function="multiply" | "divide" | "power", arguments=(left, Number(value=1.0))):
            return left
        case Call(function="multiply", arguments=(Number(value=1.0), right)):
            return right
    return None


def _without_negation(found: Call) -> Expression | None:
    """A double minus, and the minus of a summand."""
    match found:
        case Call(function="negate", arguments=(Call(function="negate", arguments=(inner,)),)):
            return inner
        case Call(function="subtract", arguments=(left, Call(function="negate", arguments=(inner,)))):
            return canonical(call("add", left, inner))
        case Call(function="add", arguments=(left, Call(function="negate", arguments=(inner,)))):
            return call("subtract", left, inner)
        case Call(function="add", arguments=(Call(function="negate", arguments=(inner,)), right)):
            return call("subtract", right, inner)
        case Call(function="abs", arguments=(Call(function="negate", arguments=(inner,)),)):
            return canonical(call("abs", inner))
        case Call(function="multiply", arguments=(Call(function="negate", arguments=(inner,)), right)):
            return canonical(call("negate", call("multiply", inner, right)))
        case Call(function="multiply", arguments=(left, Call(function="negate", arguments=(inner,)))):
            return canonical(call("negate", call("multiply", left, inner)))
    return None


def _without_repetition(found: Call) -> Expression | None:
    """A function that does nothing when it is applied again, and the larger of a number and itself."""
    first = found.arguments[0]
    if found.function in _TWICE_IS_ONCE and isinstance(first, Call) and first.function == found.function:
        return first
    return first if found.function in ("max", "min") and first == found.arguments[-1] else None


def _order(expression: Expression, *, numbers_first: bool) -> tuple[int, str]:
    """Names come before what is longer, and numbers first in products and last elsewhere, as formulas are usually written."""
    rank = 2 if isinstance(expression, Call) else int(isinstance(expression, Name))
    if isinstance(expression, Number):
        rank = 0 if numbers_first else 3
    return rank, printed(expression)


@cache
def normal_samples(count: int = SAMPLES) -> Any:
    """Return fixed draws of the standard normal distribution, float64 of shape (count,)."""
    import numpy

    return numpy.random.Generator(numpy.random.Philox(key=1710)).standard_normal(count)


def outputs(expression: Expression, operands: Sequence[Mapping[str, Any]]) -> Any:
    """Return what an expression gives for each of several sets of operands, float64 of shape (sets, samples)."""
    import numpy

    rows = []
    with numpy.errstate(all="ignore"):
        for values in operands:
            shape = next(iter(values.values())).shape
            rows.append(numpy.broadcast_to(numpy.float64(evaluate(expression, values, numpy_functions())), shape))
    return numpy.stack(rows)


def fingerprint(values: Any) -> bytes:
    """Return 16 bytes that are equal for arrays of float64 that agree to about 1e-6 of each number; NaN agrees with NaN.

    Mantissas are rounded to `BITS` bits, so a pair that differs by rounding errors alone is told apart where a number lies
    within such an error of the middle between two of them: about once in 10^6 pairs. Functions that differ by about 1e-7, such
    as x / (x + 1e-7) and x^3 / (x^3 + 1e-7), often are.
    """
    import numpy

    mantissas, exponents = numpy.frexp(values)
    with numpy.errstate(over="ignore", under="ignore"):
        rounded = numpy.ldexp(numpy.round(mantissas * 2.0**BITS), exponents - BITS)
    rounded[numpy.isnan(values)] = numpy.nan
    return hashlib.blake2b((rounded + 0.0).tobytes(), digest_size=16).digest()

"""Evaluation of expressions, number by number, over arrays of NumPy or JAX: one table for both.

A function outside its domain gives NaN or an infinity, as in IEEE arithmetic; nothing is raised.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from automl_cli.values.expressions.tree import Expression, Name, Number

Table = Mapping[str, Callable[..., Any]]


def pointwise(xp: Any, erf: Callable[[Any], Any]) -> Table:
    """Return the functions of the language over the arrays of a module such as `numpy`, and its `where`.

    Averages and drops, which need more than their arguments, are not among them.
    """

    def sinc(x: Any) -> Any:
        away = xp.where(x == 0, 1.0, x)
        return xp.where(x == 0, 1.0, xp.sin(away) / away)

    def sinc_slope(x: Any) -> Any:
        away = xp.where(xp.abs(x) < 0.1, 1.0, x)
        return xp.where(xp.abs(x) < 0.1, -x / 3.0 * (1.0 - x * x / 10.0), (xp.cos(away) - xp.sin(away) / away) / away)

    def power(x: Any, y: Any) -> Any:
        if isinstance(y, float) and y in (2.0, 3.0):  # products, so that gradients exist where x is negative
            return x * x if y == 2.0 else x * x * x
        return xp.power(x, y)

    return {
        "add": lambda x, y: x + y,
        "subtract": lambda x, y: x - y,
        "multiply": lambda x, y: x * y,
        "divide": xp.divide,
        "negate": lambda x: -x,
        "power": power,
        "abs": xp.abs,
        "sign": xp.sign,
        "sqrt": xp.sqrt,
        "exp": xp.exp,
        "log": xp.log,
        "sin": xp.sin,
        "cos": xp.cos,
        "sinh": xp.sinh,
        "cosh": xp.cosh,
        "tanh": xp.tanh,
        "asinh": xp.arcsinh,
        "atan": xp.arctan,
        "sinc": sinc,
        "sinc_slope": sinc_slope,
        "erf": erf,
        "sigmoid": lambda x: 1.0 / (1.0 + xp.exp(-x)),
        "softplus": lambda x: xp.logaddexp(x, 0.0),
        "max": xp.maximum,
        "min": xp.minimum,
        "mod": xp.mod,
        "clip": lambda x, limit: xp.clip(x, -limit, limit),
        "where": xp.where,
    }


def evaluate(expression: Expression, operands: Mapping[str, Any], functions: Table) -> Any:
    """Return the value of an expression. Raises KeyError for an operand or a function that was not given."""
    match expression:
        case Number(value=value):
            return value
        case Name(name=name):
            return operands[name]
    return functions[expression.function](*(evaluate(argument, operands, functions) for argument in expression.arguments))


@cache
def numpy_functions() -> Table:
    """Return the table over NumPy's arrays."""
    import numpy
    from scipy.special import erf

    return pointwise(numpy, erf)


def constant_value(expression: Expression) -> float | None:
    """Return the value of an expression without operands; None where there are operands, or where the value is not finite."""
    import numpy

    try:
        with numpy.errstate(all="ignore"):
            value = float(evaluate(expression, {}, numpy_functions()))
    except KeyError:
        return None
    return value if numpy.isfinite(value) else None

"""The derivative of an expression, as an expression."""

from collections.abc import Callable, Mapping

from automl_cli.values.expressions.canonical import canonical
from automl_cli.values.expressions.tree import Call, Expression, Number, call, uses

ZERO, ONE, TWO = Number(0.0), Number(1.0), Number(2.0)


def derivative(expression: Expression, name: str = "x") -> Expression:
    """Return the derivative with respect to an operand. Where there is none, as of |x| at 0, it lies midway between both sides.

    Raises KeyError for functions without a derivative here: averages, drop and mod.

    >>> from automl_cli.values.expressions.tree import Name, printed
    >>> printed(derivative(call("power", Name("x"), Number(2.0))))
    '2 * x'
    """
    return canonical(_of(expression, name))


def _of(expression: Expression, name: str) -> Expression:
    if not uses(expression, name):
        return ZERO
    if not isinstance(expression, Call):
        return ONE
    parts = expression.arguments
    inner = [_of(part, name) for part in parts]
    match expression.function:
        case "add" | "subtract" | "negate":
            return _linear(expression.function, inner)
        case "multiply":
            return _sum(_times(inner[0], parts[1]), _times(parts[0], inner[1]))
        case "divide":
            if inner[1] == ZERO:
                return call("divide", inner[0], parts[1])
            above = _linear("subtract", [_times(inner[0], parts[1]), _times(parts[0], inner[1])])
            return call("divide", above, call("power", parts[1], TWO))
        case "power":
            return _power(parts, inner)
        case "max" | "min":
            side = call("sign", call("subtract", *(parts if expression.function == "max" else parts[::-1])))
            return _sum(_times(inner[0], _half(call("add", ONE, side))), _times(inner[1], _half(call("subtract", ONE, side))))
        case "clip":
            inside = _half(call("add", ONE, call("sign", call("subtract", parts[1], call("abs", parts[0])))))
            return _times(inner[0], inside)
    return _times(inner[0], _OUTER[expression.function](parts[0]))


def _power(parts: tuple[Expression, ...], inner: list[Expression]) -> Expression:
    base, exponent = parts
    if isinstance(exponent, Number):
        lowered = base if exponent.value == 2 else call("power", base, Number(exponent.value - 1))
        return _times(_times(exponent, lowered), inner[0])
    growth = _sum(_times(inner[1], call("log", base)), call("divide", _times(exponent, inner[0]), base))
    return _times(call("power", base, exponent), growth)


def _linear(function: str, inner: list[Expression]) -> Expression:
    if function == "negate":
        return call("negate", inner[0])
    if inner[1] == ZERO:
        return inner[0]
    if inner[0] == ZERO:
        return inner[1] if function == "add" else call("negate", inner[1])
    return call(function, *inner)


def _times(left: Expression, right: Expression) -> Expression:
    if ZERO in (left, right):
        return ZERO
    if left == ONE:
        return right
    return left if right == ONE else call("multiply", left, right)


def _sum(left: Expression, right: Expression) -> Expression:
    return _linear("add", [left, right])


def _half(expression: Expression) -> Expression:
    return call("divide", expression, TWO)


def _square(expression: Expression) -> Expression:
    return call("power", expression, TWO)


_OUTER: Mapping[str, Callable[[Expression], Expression]] = {
    "abs": lambda x: call("sign", x),
    "sign": lambda x: ZERO,
    "sqrt": lambda x: call("divide", Number(0.5), call("sqrt", x)),
    "exp": lambda x: call("exp", x),
    "log": lambda x: call("divide", ONE, x),
    "sin": lambda x: call("cos", x),
    "cos": lambda x: call("negate", call("sin", x)),
    "sinh": lambda x: call("cosh", x),
    "cosh": lambda x: call("sinh", x),
    "tanh": lambda x: call("subtract", ONE, _square(call("tanh", x))),
    "asinh": lambda x: call("divide", ONE, call("sqrt", call("add", _square(x), ONE))),
    "atan": lambda x: call("divide", ONE, call("add", _square(x), ONE)),
    "sinc": lambda x: call("sinc_slope", x),
    "erf": lambda x: call("multiply", Number(1.1283791670955126), call("exp", call("negate", _square(x)))),
    "sigmoid": lambda x: call("multiply", call("sigmoid", x), call("subtract", ONE, call("sigmoid", x))),
    "softplus": lambda x: call("sigmoid", x),
}
"""The derivatives of functions of one argument."""

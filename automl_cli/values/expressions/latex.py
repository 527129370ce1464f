"""Expressions as LaTeX."""

from collections.abc import Mapping

from automl_cli.values.expressions.tree import ATOM, FUNCTIONS, NEGATION, POWER, PRODUCT, Expression, Name, Number, number_text

_ENCLOSED = r"\left({}\right)"


def latex(expression: Expression, names: Mapping[str, str] | None = None) -> str:
    r"""Return an expression as LaTeX for mathematics mode; `names` are the operands that are not written as they are called.

    >>> from automl_cli.values.expressions.tree import Call
    >>> latex(Call("divide", (Name("g"), Call("sqrt", (Name("v"),)))))
    '\\frac{g}{\\sqrt{v}}'
    """
    return _written(expression, names or {})[0]


def _written(expression: Expression, names: Mapping[str, str]) -> tuple[str, int]:
    """The text, and how strongly its outermost operator binds. A fraction, and a power of e, stand by themselves."""
    match expression:
        case Number(value=value):
            return _number(value), (NEGATION if value < 0 else ATOM)
        case Name(name=name):
            return names.get(name, name if len(name) == 1 else rf"\mathrm{{{name.replace('_', ' ')}}}"), ATOM
    row = FUNCTIONS[expression.function]
    parts = [_written(argument, names) for argument in expression.arguments]
    if row.infix is None:
        return row.latex.format(*(text for text, _ in parts)), POWER if expression.function == "exp" else ATOM
    if expression.function == "divide":
        return row.latex.format(*(text for text, _ in parts)), PRODUCT
    if expression.function == "power":
        return row.latex.format(_if(parts[0], POWER + 1), parts[1][0]), POWER
    if row.arity == 1:
        return row.latex.format(_if(parts[0], PRODUCT)), NEGATION
    second = _if(parts[1], row.binding + 1)
    if parts[1][0].startswith("-"):
        second = _ENCLOSED.format(parts[1][0])
    return row.latex.format(_if(parts[0], row.binding), second), row.binding


def _if(part: tuple[str, int], at_least: int) -> str:
    """The text, in parentheses where it binds too weakly."""
    text, binding = part
    return text if binding >= at_least else _ENCLOSED.format(text)


def _number(value: float) -> str:
    mantissa, _, exponent = number_text(value).partition("e")
    if not exponent:
        return mantissa
    return f"10^{{{exponent}}}" if mantissa == "1" else rf"{mantissa} \cdot 10^{{{exponent}}}"

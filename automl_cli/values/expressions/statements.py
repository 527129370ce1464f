"""Expressions as statements of Python: one readable line for each average, defined name and shared part.

What a function is called depends on the library that computes: that is its `Dialect`.
"""

from collections import Counter
from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from msgspec import Struct

from automl_cli.values.expressions.evaluation import evaluate, numpy_functions
from automl_cli.values.expressions.rule_step import averages, kept_average, start_of
from automl_cli.values.expressions.tree import (
    ATOM,
    FUNCTIONS,
    NEGATION,
    POWER,
    STATEFUL,
    Call,
    Expression,
    Name,
    Number,
    call,
    calls,
    length,
    number_text,
    printed,
    uses,
    walk,
)

LONGEST = 64
"""Characters of an expression in one line; parts of longer ones get lines of their own."""

PYTHON_ARITHMETIC = ("add", "subtract", "multiply", "negate")
"""Functions that give a number of Python for numbers of Python, whatever the library."""


class Dialect(Struct, frozen=True, kw_only=True):
    """Spelling of the functions of the language in one library.

    `functions` are the calls, with `{0}`, `{1}` for arguments; `beside_number` those of functions whose second argument is a
    literal, where they differ. `helpers` are the definitions of functions that the library lacks. Where `folds` is set, all
    constants are worked out when the file is written, since the library's functions take arrays only; elsewhere the library
    works out what Python cannot. `numbers` are operands that may be numbers of Python.
    """

    functions: Mapping[str, str]
    beside_number: Mapping[str, str] = {}
    helpers: Mapping[str, str] = {}
    filled: str
    folds: bool = False
    numbers: tuple[str, ...] = ()


class Average(NamedTuple):
    """An average that a rule keeps: its variable, its printed form, and what it starts from."""

    variable: str
    formula: str
    start: float


class Statements(NamedTuple):
    """Lines that compute an expression from its operands, its value behind them, and the averages that they read and change."""

    lines: tuple[str, ...]
    result: str
    kept: tuple[Average, ...]


class _Part(NamedTuple):
    """The text of an expression, how strongly its outermost operator binds, its value if it is a literal, and whether it is
    surely an array."""

    text: str
    binding: int
    literal: float | None
    is_array: bool


def statements(expression: Expression, dialect: Dialect, named: Mapping[str, Expression] | None = None) -> Statements:
    """Return the statements of an expression without settings and defined names; `named` are parts that have a name.

    Every operation is done in the order in which `values.expressions.evaluation.evaluate` does it.
    """
    writer = _StatementWriter(expression, dialect, named or {})
    result = writer.result()
    return Statements(tuple(writer.lines), result, writer.kept)


def literal(value: float, *, whole: bool = False) -> str:
    """Return a number as Python; as an integer where that is allowed and it is a small one.

    >>> literal(2.0), literal(2.0, whole=True), literal(1e-08), literal(float("inf"))
    ('2.0', '2', '1e-8', 'float("inf")')
    """
    if not isfinite(value):
        return f'float("{value}")'
    text = number_text(value)
    is_float = "." in text or "e" in text
    return text if is_float or (whole and abs(value) < 1e6) else f"{text}.0"


class _StatementWriter:
    """Writes statements, inner ones first."""

    def __init__(self, expression: Expression, dialect: Dialect, named: Mapping[str, Expression]) -> None:
        self.lines: list[str] = []
        self._expression = expression
        self._dialect = dialect
        self._names = {part: name for name, part in named.items()}
        self._shared = _shared(expression)
        self._variables: dict[Expression, str] = {}
        self._parts = 0
        self._of_average = self._name_averages()

    @property
    def kept(self) -> tuple[Average, ...]:
        """The averages, inner ones first."""
        return tuple(Average(name, formula, start_of(formula)) for formula, name in self._of_average.items())

    def result(self) -> str:
        """Return the value of the expression, of the shape of the operands even where it is one number for all."""
        part = self._called(self._expression) if isinstance(self._expression, Call) else self._part(self._expression)
        has_shape = uses(self._expression, "x", "g", "w", "noise", "annealed_noise") or calls(
            self._expression, "drop", *STATEFUL
        )
        return part.text if has_shape else self._dialect.filled.format(part.text)

    def _name_averages(self) -> dict[str, str]:
        defined = {printed(part): name for part, name in self._names.items()}
        found: dict[str, str] = {}
        for formula in averages(self._expression):
            plain = "trace" if formula.startswith("trace") else "average"
            already = sum(name.startswith(plain) for name in found.values())
            found[formula] = defined.get(formula, f"{plain}{already + 1}" if already else plain)
        return found

    def _part(self, expression: Expression) -> _Part:
        match expression:
            case Number(value=value):
                return _number(value)
            case Name(name=name):
                return _Part(name, ATOM, None, name not in self._dialect.numbers)
        if expression in self._variables:
            return _Part(self._variables[expression], ATOM, None, self._is_array(expression))
        part = self._called(expression)
        if part.literal is not None or expression in self._variables:
            return part
        if expression in self._names:
            return self._line(expression, part, self._names[expression])
        return self._line(expression, part) if expression in self._shared else part

    def _line(self, expression: Expression, part: _Part, name: str = "") -> _Part:
        """Give the part a line of its own, once."""
        if expression not in self._variables:
            if not name:
                self._parts += 1
                name = f"part{self._parts}"
            self.lines.append(f"{name} = {part.text}")
            self._variables[expression] = name
        return _Part(self._variables[expression], ATOM, None, part.is_array)

    def _called(self, part: Call) -> _Part:
        if part.function in STATEFUL:
            return self._average(part)
        if self._is_number(part):
            import numpy

            with numpy.errstate(all="ignore"):
                return _number(float(evaluate(part, {}, numpy_functions())))
        arguments = [self._part(argument) for argument in part.arguments]
        written = self._written(part, arguments)
        while len(written.text) > LONGEST:
            longest = max(range(len(arguments)), key=lambda index: len(arguments[index].text))
            inner = part.arguments[longest]
            if not isinstance(inner, Call) or arguments[longest].literal is not None or inner in self._variables:
                break
            arguments[longest] = self._line(inner, arguments[longest])
            written = self._written(part, arguments)
        return written

    def _average(self, part: Call) -> _Part:
        kept = kept_average(part)
        name = self._of_average[printed(kept)]
        if kept not in self._variables:
            inner, decay = part.arguments[0], literal(_value(part.arguments[1]))
            value = self._part(inner)
            if isinstance(inner, Call) and value.literal is None and len(value.text) > LONGEST // 2:
                value = self._line(inner, value)
            before = call("previous_ema", *kept.arguments)
            if kept.function == "ema" and before in set(walk(self._expression)):
                self.lines.append(f"previous_{name} = {name}")
                self._variables[before] = f"previous_{name}"
            if kept.function == "trace":
                self.lines.append(f"{name} = {_text(value)} + {decay} * {name}")
            else:
                self.lines.append(f"{name} = (1 - {decay}) * {_enclosed(value, NEGATION)} + {decay} * {name}")
            self._variables[kept] = name
        return _Part(self._variables[part], ATOM, None, is_array=True)

    def _written(self, part: Call, arguments: list[_Part]) -> _Part:
        """The call, or the operator where Python's is the library's too: where one side is an array."""
        is_array = self._is_array(part)
        row = FUNCTIONS[part.function]
        if part.function == "power":
            return self._power(*arguments)
        if row.infix is None or (part.function == "divide" and not any(argument.is_array for argument in arguments)):
            return _Part(self._call(part, arguments), ATOM, None, is_array)
        if row.arity == 1:
            return _Part(f"-{_enclosed(arguments[0], POWER)}", NEGATION, None, is_array)
        whole = any(argument.is_array for argument in arguments)
        left = _enclosed(arguments[0], row.binding, whole=whole)
        right = _enclosed(arguments[1], row.binding + 1, whole=whole, inner=True)
        return _Part(f"{left} {row.infix} {right}", row.binding, None, is_array)

    def _power(self, base: _Part, exponent: _Part) -> _Part:
        if not (base.is_array or exponent.is_array):
            return _Part(self._dialect.functions["power"].format(_text(base), _text(exponent)), ATOM, None, is_array=True)
        left = _enclosed(base, ATOM)
        right = _enclosed(exponent, ATOM) if exponent.literal is None else _text(exponent, whole=exponent.literal in (2.0, 3.0))
        hugs = all(part.literal is not None or part.text.isidentifier() for part in (base, exponent))
        return _Part(f"{left}**{right}" if hugs else f"{left} ** {right}", POWER, None, is_array=True)

    def _call(self, part: Call, arguments: list[_Part]) -> str:
        dialect, whole = self._dialect, any(argument.is_array for argument in arguments)
        if part.function in ("clip", "drop"):
            value, bound = _text(arguments[0]), literal(_value(part.arguments[1]))
            if part.function == "drop" and arguments[0].literal is not None:
                value = dialect.filled.format(value)
            return dialect.functions[part.function].format(value, bound)
        if part.function in dialect.beside_number and any(argument.literal is not None for argument in arguments):
            if arguments[0].literal is not None:
                arguments.reverse()
            return dialect.beside_number[part.function].format(*(_text(argument, whole=whole) for argument in arguments))
        return dialect.functions[part.function].format(*(_text(argument, whole=whole) for argument in arguments))

    def _is_number(self, part: Expression) -> bool:
        """Whether a part is a literal: all constants where the library takes no numbers, what Python computes elsewhere."""
        if isinstance(part, Call):
            if self._dialect.folds:
                can = part.function not in (*STATEFUL, "drop")
            else:
                squares = part.function == "power" and part.arguments[1] in (Number(2.0), Number(3.0))
                can = part.function in PYTHON_ARITHMETIC or squares
            return can and all(self._is_number(argument) for argument in part.arguments)
        return isinstance(part, Number)

    def _is_array(self, part: Expression) -> bool:
        """Whether a part is surely an array of the library, and no number of Python."""
        if isinstance(part, Call):
            return part.function not in PYTHON_ARITHMETIC or any(self._is_array(argument) for argument in part.arguments)
        return isinstance(part, Name) and part.name not in self._dialect.numbers


def _shared(expression: Expression) -> set[Expression]:
    """The calls with operands that are read more than once, where everything is computed once; not a sum as short as t + 1."""
    parents = {part: None for part in walk(expression) if isinstance(part, Call)}
    read = Counter(argument for part in parents for argument in part.arguments)
    return {part for part, count in read.items() if count > 1 and not _is_short(part) and _has_operand(part)}


def _is_short(part: Expression) -> bool:
    return isinstance(part, Call) and FUNCTIONS[part.function].infix is not None and length(part) <= 3


def _has_operand(part: Expression) -> bool:
    return isinstance(part, Call) and any(isinstance(inner, Name) for inner in walk(part))


def _value(part: Expression) -> float:
    if not isinstance(part, Number):
        raise TypeError(f"{printed(part)} is no number; give the expression with its settings put in their places")
    return part.value


def _number(value: float) -> _Part:
    return _Part(literal(value), NEGATION if str(value).startswith("-") else ATOM, value, is_array=False)


def _text(part: _Part, *, whole: bool = False) -> str:
    return part.text if part.literal is None else literal(part.literal, whole=whole)


def _enclosed(part: _Part, at_least: int, *, whole: bool = False, inner: bool = False) -> str:
    """The text, in parentheses where it binds too weakly or begins with a minus that must not stand there."""
    text = _text(part, whole=whole)
    return f"({text})" if part.binding < at_least or (inner and text.startswith("-")) else text

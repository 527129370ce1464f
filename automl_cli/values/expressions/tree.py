"""Expressions: activation functions and update rules as plain data. One small language serves both.

An expression is a number, a name (an operand such as `x` or `g`) or the call of a function, and operators are calls too. Which
names and functions may stand in one is said by a `Language`; `values.activation` and `values.optimizer` hold theirs. Printed
forms are read back by `values.expressions.parser`, to the same value.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from math import isfinite

from msgspec import Struct

from automl_cli.core.bounds import Bounds
from automl_cli.core.errors import UserError


class Number(Struct, frozen=True):
    """A finite constant."""

    value: float

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise UserError(f"constant {self.value} is not finite")


class Name(Struct, frozen=True):
    """An operand, such as x or g."""

    name: str


class Call(Struct, frozen=True):
    """A function of `FUNCTIONS`, applied to as many arguments as it takes."""

    function: str
    arguments: "tuple[Expression, ...]"

    def __post_init__(self) -> None:
        wanted = function_named(self.function).arity
        if len(self.arguments) != wanted:
            raise UserError(f"{self.function} takes {wanted} argument{'s' * (wanted != 1)}, not {len(self.arguments)}")


Expression = Number | Name | Call


class Function(Struct, frozen=True, kw_only=True):
    """One row of the language: how many arguments a function takes, and how it is written.

    `infix` is its operator, with `binding` as its strength. `latex` has `{0}`, `{1}` for the arguments. The arguments whose
    positions stand in `constant` are numbers within `bounds`, or names of settings; those in `commuting` may be swapped without
    effect.
    """

    arity: int
    latex: str
    infix: str | None = None
    binding: int = 0
    constant: tuple[int, ...] = ()
    bounds: Bounds = Bounds()
    commuting: bool = False


SUM, PRODUCT, NEGATION, POWER, ATOM = 1, 2, 3, 4, 5
"""How strongly an operator binds what stands beside it."""

DECAY, PROBABILITY = Bounds(at_least=0, below=1), Bounds(at_least=0, at_most=1)

FUNCTIONS: Mapping[str, Function] = {
    "add": Function(arity=2, latex="{0} + {1}", infix="+", binding=SUM, commuting=True),
    "subtract": Function(arity=2, latex="{0} - {1}", infix="-", binding=SUM),
    "multiply": Function(arity=2, latex=r"{0} \, {1}", infix="*", binding=PRODUCT, commuting=True),
    "divide": Function(arity=2, latex=r"\frac{{{0}}}{{{1}}}", infix="/", binding=PRODUCT),
    "negate": Function(arity=1, latex="-{0}", infix="-", binding=NEGATION),
    "power": Function(arity=2, latex="{0}^{{{1}}}", infix="^", binding=POWER),
    "abs": Function(arity=1, latex=r"\left|{0}\right|"),
    "sign": Function(arity=1, latex=r"\operatorname{{sign}}({0})"),
    "sqrt": Function(arity=1, latex=r"\sqrt{{{0}}}"),
    "exp": Function(arity=1, latex="e^{{{0}}}"),
    "log": Function(arity=1, latex=r"\log({0})"),
    "sin": Function(arity=1, latex=r"\sin({0})"),
    "cos": Function(arity=1, latex=r"\cos({0})"),
    "sinh": Function(arity=1, latex=r"\sinh({0})"),
    "cosh": Function(arity=1, latex=r"\cosh({0})"),
    "tanh": Function(arity=1, latex=r"\tanh({0})"),
    "asinh": Function(arity=1, latex=r"\operatorname{{arsinh}}({0})"),
    "atan": Function(arity=1, latex=r"\arctan({0})"),
    "sinc": Function(arity=1, latex=r"\operatorname{{sinc}}({0})"),
    "sinc_slope": Function(arity=1, latex=r"\operatorname{{sinc}}'({0})"),
    "erf": Function(arity=1, latex=r"\operatorname{{erf}}({0})"),
    "sigmoid": Function(arity=1, latex=r"\sigma({0})"),
    "softplus": Function(arity=1, latex=r"\log(1 + e^{{{0}}})"),
    "max": Function(arity=2, latex=r"\max({0}, {1})", commuting=True),
    "min": Function(arity=2, latex=r"\min({0}, {1})", commuting=True),
    "mod": Function(arity=2, latex=r"({0} \bmod {1})"),
    "clip": Function(arity=2, latex=r"\operatorname{{clip}}_{{{1}}}({0})", constant=(1,), bounds=Bounds(at_least=0)),
    "drop": Function(arity=2, latex=r"\operatorname{{drop}}_{{{1}}}({0})", constant=(1,), bounds=PROBABILITY),
    "ema": Function(arity=2, latex=r"\operatorname{{ema}}_{{{1}}}({0})", constant=(1,), bounds=DECAY),
    "previous_ema": Function(arity=2, latex=r"\operatorname{{ema}}^-_{{{1}}}({0})", constant=(1,), bounds=DECAY),
    "ema_from_one": Function(arity=2, latex=r"\operatorname{{ema}}^1_{{{1}}}({0})", constant=(1,), bounds=DECAY),
    "trace": Function(arity=2, latex=r"\operatorname{{trace}}_{{{1}}}({0})", constant=(1,), bounds=DECAY),
}
"""Every function of the language. Written as `name(argument, …)`, or by its operator. sinc(x) is sin(x) / x, and sinc_slope
its derivative, which no language has. mod has the sign of
the divisor. clip(x, l) clips to [-l, l]; drop(x, p) sets each number to 0 with probability p, without rescaling the others.

Averages over the steps of a training, from 0 on, with the decay d: ema(x, d): a <- d a + (1 - d) x, the new a;
previous_ema(x, d): a before that; ema_from_one(x, d): the new a, from 1 on; trace(x, d): a <- x + d a, the new a."""

STATEFUL = ("ema", "previous_ema", "ema_from_one", "trace")
"""Functions that keep something from step to step."""


class Language(Struct, frozen=True, kw_only=True):
    """The operands and functions of one use, such as activation functions. `what` names that use in errors.

    `definitions` are names that stand for an expression, in printed form; `settings` names that may stand where a constant
    must, such as a decay.
    """

    what: str
    operands: tuple[str, ...]
    functions: tuple[str, ...]
    definitions: Mapping[str, str] = {}
    settings: tuple[str, ...] = ()
    operand_latex: Mapping[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names that may stand in an expression."""
        return (*self.operands, *self.definitions, *self.settings)


@cache
def function_named(name: str) -> Function:
    """Return a row of `FUNCTIONS`. Raises UserError for a name that no row has."""
    if name not in FUNCTIONS:
        raise UserError(f"no function is called {name!r}")
    return FUNCTIONS[name]


def call(function: str, *arguments: Expression) -> Call:
    """Return the function applied to the arguments."""
    return Call(function, arguments)


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield the expression and all its parts, a part as often as it stands there."""
    yield expression
    if isinstance(expression, Call):
        for argument in expression.arguments:
            yield from walk(argument)


def length(expression: Expression) -> int:
    """Return the number of numbers, names and functions in an expression: what is weighed against its score.

    >>> length(call("multiply", Name("x"), call("sigmoid", Name("x"))))
    4
    """
    return sum(1 for _ in walk(expression))


def uses(expression: Expression, *names: str) -> bool:
    """Return whether one of these operands stands in the expression."""
    return any(isinstance(part, Name) and part.name in names for part in walk(expression))


def calls(expression: Expression, *functions: str) -> bool:
    """Return whether one of these functions stands in the expression."""
    return any(isinstance(part, Call) and part.function in functions for part in walk(expression))


def replace(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """Return the expression with operands replaced by other expressions."""
    match expression:
        case Name(name=name):
            return values.get(name, expression)
        case Call(function=function, arguments=arguments):
            return Call(function, tuple(replace(argument, values) for argument in arguments))
    return expression


def printed(expression: Expression) -> str:
    """Return an expression as a mathematician writes it. `values.expressions.parser.parse` gives the same expression back.

    >>> printed(call("multiply", Name("g"), call("exp", call("multiply", call("sign", Name("g")), call("sign", Name("m"))))))
    'g * exp(sign(g) * sign(m))'
    """
    return _printed(expression)[0]


def number_text(value: float) -> str:
    """Return the shortest decimal that reads back as this number.

    >>> number_text(2.0), number_text(0.001), number_text(1e-08)
    ('2', '0.001', '1e-8')
    """
    text = repr(float(value))
    text = text.removesuffix(".0")
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else text


def _printed(expression: Expression) -> tuple[str, int]:
    """The text, and how strongly its outermost operator binds."""
    match expression:
        case Number(value=value):
            return number_text(value), (NEGATION if str(value).startswith("-") else ATOM)
        case Name(name=name):
            return name, ATOM
    row = FUNCTIONS[expression.function]
    if row.infix is None:
        return f"{expression.function}({', '.join(map(printed, expression.arguments))})", ATOM
    if row.arity == 1:
        # A literal behind the minus would read back as a negative number.
        (argument,) = expression.arguments
        text, binding = _printed(argument)
        bare = binding >= POWER and not isinstance(argument, Number)
        return f"-{text if bare and not _starts_with_digit(text) else f'({text})'}", NEGATION
    left, right = (_printed(argument) for argument in expression.arguments)
    tight = row.binding == POWER
    first = _enclosed(left, row.binding + tight)
    second = _enclosed(right, row.binding + (not tight), negative=True)
    return (f"{first}^{second}" if tight else f"{first} {row.infix} {second}"), row.binding


def _enclosed(part: tuple[str, int], at_least: int, *, negative: bool = False) -> str:
    """The text, in parentheses where it binds too weakly or begins with a minus that must not stand there."""
    text, binding = part
    return f"({text})" if binding < at_least or (negative and text.startswith("-")) else text


def _starts_with_digit(text: str) -> bool:
    return text[:1].isdigit() or text[:1] == "."

"""Activation functions: scalar functions of a pre-activation as expressions, and the published ones by name.

Paper: Ramachandran, Zoph and Le, "Searching for Activation Functions", arXiv 1710.05941. What is computed with them:
`children.activation`.
"""

from functools import cached_property
from math import isfinite
from typing import Any

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.values.expressions.parser import parse
from automl_cli.values.expressions.tree import Expression, Language, printed, walk
from automl_cli.values.expressions.tree import Name as Operand

LANGUAGE_VERSION = 1
"""Raised whenever expressions can say something that earlier versions of the tool cannot read."""

BETAS = ("beta", *(f"beta{number}" for number in range(2, 13)))
"""Parameters that are trained, one number of each per channel."""

ACTIVATIONS = Language(
    what="activation function",
    operands=("x", *BETAS),
    functions=(
        "add", "subtract", "multiply", "divide", "negate", "power", "abs", "sign", "sqrt", "exp", "log", "sin", "cos", "sinh",
        "cosh", "tanh", "asinh", "atan", "sinc", "erf", "sigmoid", "softplus", "max", "min", "clip",
    ),
    operand_latex={"beta": r"\beta", **{f"beta{number}": rf"\beta_{{{number}}}" for number in range(2, 13)}},
)  # fmt: skip
"""The language of activation functions. sqrt of a negative number is NaN, as in mathematics; the paper does not say."""


class ActivationFunction(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, dict=True):
    """A function of the pre-activation x, in printed form, such as `x * sigmoid(beta * x)`.

    `beta`, `beta2`, … are trained, one number per channel; `initial` holds what they start from, in this order, 1 where nothing
    is said. Raises UserError for what is no expression of the language, with the column, and for a newer version of it.
    """

    expression: str
    initial: tuple[float, ...] = ()
    language: int = LANGUAGE_VERSION

    def __post_init__(self) -> None:
        check_version("activation function", self.language)
        if len(self.initial) > len(self.betas):
            raise UserError(
                f"activation function {self.expression!r} has {len(self.betas)} trained parameters, and initial values for "
                f"{len(self.initial)}"
            )
        for beta, start in zip(self.betas, self.initial, strict=False):
            if not isfinite(start):
                raise UserError(f"activation function {self.expression!r}: {beta} starts from {start}; it must be finite")

    @cached_property
    def tree(self) -> Expression:
        """Return the expression itself."""
        return parse(self.expression, ACTIVATIONS)

    @property
    def betas(self) -> tuple[str, ...]:
        """The trained parameters that stand in the expression, in order."""
        there = {part.name for part in walk(self.tree) if isinstance(part, Operand)}
        return tuple(name for name in BETAS if name in there)

    @property
    def starts(self) -> tuple[float, ...]:
        """Return the start of each of them."""
        return (*self.initial, *(1.0 for _ in self.betas[len(self.initial) :]))


def activation_of(expression: Expression, initial: tuple[float, ...] = ()) -> ActivationFunction:
    """Return the activation function of an expression."""
    return ActivationFunction(printed(expression), initial)


def check_version(what: str, language: Any) -> None:
    """Raise UserError for an expression of a newer language than this version of the tool reads."""
    if language > LANGUAGE_VERSION:
        raise UserError(
            f"this {what} is written in version {language} of the language of expressions, and this tool reads up to "
            f"{LANGUAGE_VERSION}; update automl-cli"
        )


NAMED: dict[str, ActivationFunction] = {
    "relu": ActivationFunction("max(x, 0)"),
    "lrelu": ActivationFunction("max(x, 0.01 * x)"),
    "prelu": ActivationFunction("max(x, 0) + beta * min(x, 0)", (0.25,)),
    "elu": ActivationFunction("max(x, 0) + exp(min(x, 0)) - 1"),
    "selu": ActivationFunction("1.0507 * (max(x, 0) + 1.6733 * (exp(min(x, 0)) - 1))"),
    "gelu": ActivationFunction("x * (1 + erf(x / 1.4142135623730951)) / 2"),
    "softplus": ActivationFunction("softplus(x)"),
    "silu": ActivationFunction("x * sigmoid(x)"),
    "swish": ActivationFunction("x * sigmoid(beta * x)"),
    "max-sigmoid": ActivationFunction("max(x, sigmoid(x))"),
    "cos-minus-x": ActivationFunction("cos(x) - x"),
    "min-sin": ActivationFunction("min(x, sin(x))"),
    "atan-squared-minus-x": ActivationFunction("atan(x)^2 - x"),
    "max-tanh": ActivationFunction("max(x, tanh(x))"),
    "sinc-plus-x": ActivationFunction("sinc(x) + x"),
    "x-asinh-squared": ActivationFunction("x * asinh(x)^2"),
}
"""Published functions (arXiv 1710.05941, sections 3 to 5; LReLU 0.01, PReLU from 0.25, ELU with alpha 1, SELU with 1.6733 and
1.0507). `swish` has a trained beta, `silu` is Swish-1."""

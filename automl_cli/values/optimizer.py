"""Update rules: what an optimizer makes of a gradient, as expressions, and the published ones by name.

Papers: Bello, Zoph, Vasudevan and Le, "Neural Optimizer Search with Reinforcement Learning", arXiv 1709.07417, and those of the
named rules. What is computed with them: `children.optimizer`.
"""

from functools import cached_property
from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from automl_cli.core.bounds import Bounds
from automl_cli.core.errors import UserError
from automl_cli.values.activation import LANGUAGE_VERSION, check_version
from automl_cli.values.expressions.parser import parse
from automl_cli.values.expressions.tree import STATEFUL, Expression, Language, Name, Number, printed, replace, uses

_ADAM = "ema(g, 0.9) / (1 - 0.9^(t + 1)) / (sqrt(ema(g^2, 0.999) / (1 - 0.999^(t + 1))) + 1e-8)"

RULES = Language(
    what="update rule",
    operands=("g", "w", "t", "T", "noise", "annealed_noise"),
    functions=(
        "add", "subtract", "multiply", "divide", "negate", "power", "abs", "sign", "sqrt", "exp", "log", "cos", "max", "min",
        "mod", "clip", "drop", *STATEFUL,
    ),
    definitions={
        "m": "ema(g, 0.9)",
        "v": "ema(g^2, 0.999)",
        "r": "ema(g^3, 0.999)",
        "adam": _ADAM,
        "rmsprop": "g / sqrt(ema(g^2, 0.9) + 1e-8)",
        "ld": "1 - min(t, T) / T",
        "cd": "(1 + cos(3.141592653589793 * min(t, T) / T)) / 2",
        "rd": "(1 + cos(3.141592653589793 * mod(min(t, T), T) / T)) / 2",
    },
    settings=("momentum",),
    operand_latex={"noise": r"\epsilon", "annealed_noise": r"\epsilon_t", "momentum": r"\mu"},
)  # fmt: skip
"""The language of update rules.

g is the gradient, w the parameter; t counts the steps done before this one, T all steps of the training; noise is drawn from
N(0, 0.01^2), annealed_noise from a normal distribution of variance 1 / (1 + t)^0.55 (the papers do not say whether their second
argument is a variance; the source of the second defines one). m, v and r are moving averages of g, g^2, g^3; ld, cd and rd the
linear, cosine and restart decays (cd with n = 0.5, rd with n = 1); adam and rmsprop the updates of these optimizers."""


class UpdateRule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, dict=True, tag="rule"):
    """An update rule in printed form, such as `g * exp(sign(g) * sign(m))`: w <- w - rate * update.

    `momentum` is the value of the setting of that name in rules where it stands, 0.9 unless given, and None in others. Weight
    decay is added to the gradient, unless the rule is `decoupled`: then it is added to the update. `learning_rate` is one at
    which the rule is known to work. Raises UserError for what is no rule, with the column, and for a newer version of the
    language.
    """

    expression: str
    momentum: float | None = None
    decoupled: bool = False
    learning_rate: float | None = None
    language: int = LANGUAGE_VERSION

    def __post_init__(self) -> None:
        check_version("update rule", self.language)
        if self.momentum is None:
            force_setattr(self, "momentum", 0.9 if self.has_momentum else None)
        elif not self.has_momentum:
            raise UserError(f"momentum is {self.momentum:g}; the update rule {self.expression!r} has none")
        elif not 0 <= self.momentum < 1:
            raise UserError(f"momentum is {self.momentum:g}; it must be at least 0 and below 1")
        if self.learning_rate is not None and (broken := Bounds(above=0).broken_by(self.learning_rate)) is not None:
            raise UserError(f"learning_rate is {self.learning_rate:g}; it must be {broken}")

    @cached_property
    def tree(self) -> Expression:
        """The expression as it is written, with defined names such as m."""
        return parse(self.expression, RULES)

    @property
    def has_momentum(self) -> bool:
        """Return whether `momentum` means something."""
        return uses(self.tree, "momentum")

    @cached_property
    def expanded(self) -> Expression:
        """The expression with definitions and settings put in their places: operands, numbers and functions alone."""
        settings = {} if self.momentum is None else {"momentum": Number(self.momentum)}
        return replace(self.tree, {**definitions(), **settings})


class LibraryOptimizer(Struct, frozen=True, forbid_unknown_fields=True, tag="library"):
    """An optimizer of `optax.contrib` by name, for comparison: it is more than a rule for single numbers.

    muon            orthogonalized momentum for matrices and kernels, Adam for the rest (K. Jordan et al. 2024)
    schedule-free   Schedule-Free AdamW (arXiv 2405.15682), at a constant learning rate
    """

    name: Literal["muon", "schedule-free"]

    @property
    def has_momentum(self) -> bool:
        """False: its constants are the library's."""
        return False

    @property
    def momentum(self) -> None:
        """None."""
        return

    @property
    def decoupled(self) -> bool:
        """True: weight decay is added to the update."""
        return True

    @property
    def learning_rate(self) -> float:
        """The learning rate that its authors start from."""
        return {"muon": 0.02, "schedule-free": 0.0025}[self.name]

    @property
    def for_matrices(self) -> bool:
        """Return whether it differs from Adam for matrices only."""
        return self.name == "muon"

    @property
    def averages(self) -> bool:
        """Return whether it scores with an average of its own, which replaces a schedule of the learning rate."""
        return self.name == "schedule-free"


Optimizer = UpdateRule | LibraryOptimizer


def definitions() -> dict[str, Expression]:
    """Return the expressions that the defined names of the language stand for."""
    return {name: parse(text, RULES) for name, text in RULES.definitions.items()}


def rule_of(expression: Expression) -> UpdateRule:
    """Return the update rule of an expression."""
    return UpdateRule(printed(expression))


def _signs(decay: str = "") -> str:
    return f"{decay} * sign(g) * sign(m)" if decay else "sign(g) * sign(m)"


NAMED: dict[str, Optimizer] = {
    "sgd": UpdateRule("g"),
    "momentum": UpdateRule("trace(g, momentum)"),
    "nesterov": UpdateRule("g + momentum * trace(g, momentum)"),
    "rmsprop": UpdateRule("rmsprop", learning_rate=1e-3),
    "rmsprop-tf": UpdateRule("trace(g / sqrt(ema_from_one(g^2, 0.9) + 1), momentum)"),
    "adam": UpdateRule("adam", learning_rate=1e-3),
    "adamw": UpdateRule("adam", decoupled=True, learning_rate=1e-3),
    "lion": UpdateRule("sign(0.9 * previous_ema(g, 0.99) + 0.1 * g)", decoupled=True, learning_rate=1e-4),
    "signum": UpdateRule("sign(m)", learning_rate=1e-3),
    **{
        f"{family}{f'-{decay}' * bool(decay)}": UpdateRule(form.format(_signs(decay)))
        for family, form in (("powersign", "g * exp({})"), ("addsign", "g * (1 + {})"))
        for decay in ("", "ld", "cd", "rd")
    },
    "muon": LibraryOptimizer("muon"),
    "schedule-free": LibraryOptimizer("schedule-free"),
}
"""Published rules; those with a learning rate work at another order of it than SGD.

rmsprop-tf is RMSProp as the papers of this line used it on ImageNet (NASNet, arXiv 1707.07012, appendix A);
momentum and Nesterov's in the form of accumulated gradients; Lion arXiv 2302.06675; Signum arXiv 1802.04434; PowerSign and
AddSign with the decays of arXiv 1709.07417."""

__all__ = ["NAMED", "RULES", "LibraryOptimizer", "Name", "Optimizer", "UpdateRule", "definitions", "rule_of"]

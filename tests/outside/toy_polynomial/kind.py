"""The kind: its value, its artifact, its words, its costs; what builds it is named."""

from typing import Any, ClassVar

from msgspec import Struct

from automl_cli.core.errors import SpaceError
from automl_cli.core.trials import Costs
from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody


class Polynomial(Struct, frozen=True, forbid_unknown_fields=True):
    """The powers whose coefficients are trained, rising."""

    powers: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.powers or list(self.powers) != sorted(set(self.powers)):
            raise SpaceError(f"the powers of a polynomial must rise, and be at least one; these are {self.powers}")


class PolynomialBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A polynomial that a search found."""

    SCHEMA: ClassVar[Schema] = Schema("polynomial")

    value: Polynomial


def words(polynomial: Polynomial) -> tuple[str, ...]:
    """`y = a2 x^2 + a3 x^3`."""
    return ("y = " + " + ".join(f"a{power} x^{power}" for power in polynomial.powers),)


def costs(polynomial: Polynomial, facts: Any) -> Costs:
    """A coefficient and a multiply-add for each power, and one of each for the memory."""
    return Costs(parameters=len(polynomial.powers) + 1, multiply_adds=len(polynomial.powers) + 1)


KIND = Kind(
    name="polynomial",
    value=Polynomial,
    body=PolynomialBody,
    role="network",
    flag="arch",
    names={"odd": Polynomial((1, 3))},
    words=words,
    costs=costs,
    build="toy_polynomial.model:build",
)

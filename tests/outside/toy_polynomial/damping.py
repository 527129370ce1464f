"""A second kind: an update rule that damps gradients. Its values fill the role of the optimizer, so its search trains the
polynomial of a preset, and the searches of polynomials take what it found."""

from typing import Any, ClassVar

from msgspec import Struct

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.rewards import InverseSquare
from automl_cli.core.spaces import Options, Plugin, SearchPreset
from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody
from automl_cli.values.child import ChildPreset
from automl_cli.values.recipe import Recipe

FACTORS = (0.1, 1.0, 4.0)


class Damping(Struct, frozen=True, forbid_unknown_fields=True):
    """The update is the gradient times a factor."""

    factor: float


class DampingBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A factor that a search found."""

    SCHEMA: ClassVar[Schema] = Schema("damping")

    value: Damping


def words(damping: Damping) -> tuple[str, ...]:
    """`0.1 g`."""
    return (f"{damping.factor:g} g",)


def build(damping: Damping, recipe: Recipe, *, total_steps: int, seed: int, as_data: bool = False) -> Any:
    """The rule as an Optax transformation, the same for trainings of any length."""
    import optax

    return optax.scale(damping.factor)


def decode(options: Options, genotype: Genotype) -> Damping:
    """The factor of this index."""
    return Damping(FACTORS[genotype[0]])


KIND = Kind(
    name="damping",
    value=Damping,
    body=DampingBody,
    role="optimizer",
    flag="optimizer",
    words=words,
    build="toy_polynomial.damping:build",
)

CHILD = ChildPreset(
    problem="points",
    dataset="cubic",
    network="odd",
    recipe=Recipe(batch_size=8, learning_rate=0.05, weight_decay=0.0),
    augmentation="none",
)

SPACE = Plugin(
    name="damping",
    version=1,
    command="search-arch",
    produces="damping",
    summary="by which factor gradients are damped",
    decisions=lambda options: DecisionList((Decision("factor", FACTORS),)),
    decode=decode,
    tokens=lambda options, genotype: words(decode(options, genotype)),
    presets={"quick": SearchPreset(trials=3, epochs=3, strategy="exhaustive", child=CHILD, reward=InverseSquare(1.0))},
)

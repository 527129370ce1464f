"""The resolved configuration of `automl compare`: `comparison.json`."""

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from automl_cli.core.spaces import SpaceReference
from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Body, Schema
from automl_cli.store.study import Seed
from automl_cli.system.machine import Environment
from automl_cli.values.child import Child, Filling
from automl_cli.values.engine import EngineName
from automl_cli.values.recipe import Recipe
from automl_cli.values.timings import TimingTable

Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0)]


class Contestant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that is compared: the text that the user gave, what stands in the role, and the recipe that suits it."""

    label: str
    filling: Filling
    recipe: Recipe


class ComparisonSettings(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that decide a comparison of values of one role, which is open in `child`.

    Each value is trained for one epoch at each of `learning_rates`, then for `epochs` epochs at the best on `seeds` seeds; with
    one rate only the latter. `space` is the one in which values of the role are searched, whose `preset` the child is from.
    `executor` and `workers` may change on resume.
    """

    SCHEMA: ClassVar[Schema] = Schema("comparison")

    role: str
    values: Annotated[tuple[Contestant, ...], Meta(min_length=2)]
    child: Child
    space: SpaceReference
    preset: str
    learning_rates: tuple[Rate, ...]
    epochs: Positive
    seeds: Positive
    seed: Seed
    engine: EngineName
    executor: str
    workers: Positive
    environment: Environment
    timings: TimingTable | None = None

    def rates_of(self, value: int) -> tuple[float, ...]:
        """Return the learning rates that are tried for a value, in rising order: its own where none are given."""
        return tuple(sorted(self.learning_rates)) or (self.values[value].recipe.learning_rate,)

    @property
    def inputs(self) -> dict[str, str]:
        """The digests of the artifacts that were put into roles, by role. Those of compared values stand in `values`."""
        return self.child.inputs


KIND = Kind(name="comparison", body=ComparisonSettings)

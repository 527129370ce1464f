"""A child is a record of roles: what is trained, by what, on what. A search leaves one role open, and its space fills it.

    network        what is trained: a found architecture, a cell and its stack, …
    activation     the function between its linear maps
    optimizer      the rule that turns gradients into updates
    augmentation   what is done to training examples

and beside the roles the problem (data set and metric) and the recipe (rates, schedule, regularisation). The value in a role is
recorded whole, with the digest of its artifact, so that a resumed run needs no other file.
"""

from typing import Any

import msgspec
from msgspec import Struct

from automl_cli.values.recipe import Recipe

ROLES = ("network", "activation", "optimizer", "augmentation")


class Filling(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value that stands in a role: its kind, the value as plain data, its name if it has one, and the SHA-256 of the
    artifact that it came from, if any."""

    kind: str
    value: Any
    name: str | None = None
    digest: str | None = None


class ProblemReference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A problem by name, with its data set and the facts of that data set as plain data, both typed by the problem.

    `dataset` always has a `source`; `facts` have `train_examples`, `validation_examples` and `test_examples`.
    """

    name: str
    dataset: dict[str, Any]
    facts: dict[str, Any]

    @property
    def source(self) -> str:
        """The data set by name or path."""
        return str(self.dataset["source"])


class Child(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings that children are trained by. `roles` holds every role but the one that a search leaves open."""

    problem: ProblemReference
    recipe: Recipe
    roles: dict[str, Filling]

    @property
    def inputs(self) -> dict[str, str]:
        """The digests of the artifacts that were put into roles, by role."""
        return {role: filling.digest for role, filling in self.roles.items() if filling.digest is not None}

    @property
    def portable(self) -> "Child":
        """The child without a folder of the machine that it was trained on."""
        dataset = {name: value for name, value in self.problem.dataset.items() if name != "data_dir"}
        return msgspec.structs.replace(self, problem=msgspec.structs.replace(self.problem, dataset=dataset))

    @property
    def open_role(self) -> str:
        """The role that the search leaves open."""
        return next(role for role in ROLES if role not in self.roles)

    def filled(self, **roles: Filling) -> "Child":
        """Return the child with these roles filled."""
        return msgspec.structs.replace(self, roles={**self.roles, **roles})


class ChildPreset(Struct, frozen=True, kw_only=True):
    """The part of a preset about children: problem and data set, the recipe, and the roles by name.

    `data` are more fields of the data set, such as `train_examples`; they hold for `dataset` and for no other source.
    `network` is what is trained where another role is searched: a name, or an artifact.
    """

    recipe: Recipe
    problem: str = "images"
    dataset: str = "digits"
    data: dict[str, Any] = {}
    network: str | None = None
    activation: str = "relu"
    optimizer: str = "nesterov"
    augmentation: str = "standard"

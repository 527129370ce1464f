"""The resolved configuration of `automl train`: `training.json`."""

from typing import Annotated, ClassVar

from msgspec import Meta

from automl_cli.plugins.kind import Kind
from automl_cli.plugins.roles import drawings_of_network
from automl_cli.store.artifact import Body, Schema
from automl_cli.store.study import Seed
from automl_cli.system.machine import Environment
from automl_cli.values.child import Child
from automl_cli.values.engine import EngineName

Positive = Annotated[int, Meta(ge=1)]


class TrainingSettings(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that decide the weights of a training. No role of the child is open.

    `with_validation` trains on the validation examples too; then nothing is left to validate with. `engine` decides the low
    bits (`values.engine`).
    """

    SCHEMA: ClassVar[Schema] = Schema("training")

    child: Child
    epochs: Positive
    seed: Seed
    with_validation: bool
    environment: Environment
    engine: EngineName

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        facts = self.child.problem.facts
        validation = facts["validation_examples"] if self.with_validation else 0
        return self.child.recipe.steps(facts["train_examples"] + validation)


KIND = Kind(name="training", body=TrainingSettings, drawing=lambda body: drawings_of_network(body.child))

"""The resolved configuration of `automl train`: `training.json`."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import fields

from automl_cli.core.numbers import counted
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_named
from automl_cli.plugins.roles import drawings_of_network, value_of, words_of
from automl_cli.store.artifact import Body, Schema
from automl_cli.store.study import Seed
from automl_cli.system.machine import Environment
from automl_cli.values.child import Child
from automl_cli.values.engine import EngineName
from automl_cli.values.recipe import Recipe
from automl_cli.values.sheet import Facts, Part
from automl_cli.values.timings import TimingTable

Positive = Annotated[int, Meta(ge=1)]


class TrainingSettings(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that decide the weights of a training. No role of the child is open.

    `with_validation` trains on the validation examples too; then nothing is left to validate with. `engine` and
    `timings` decide the low bits (`values.engine`, `values.timings`).
    """

    SCHEMA: ClassVar[Schema] = Schema("training")

    child: Child
    epochs: Positive
    seed: Seed
    with_validation: bool
    environment: Environment
    engine: EngineName
    timings: TimingTable | None = None

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        facts = self.child.problem.facts
        validation = facts["validation_examples"] if self.with_validation else 0
        return self.child.recipe.steps(facts["train_examples"] + validation)


def sheet(body: TrainingSettings, place: str) -> Iterator[Part]:
    """Yield what is trained, on what, and by which recipe."""
    yield Facts((("trained", trained_in_words(body)), ("duration", duration_in_words(body)), *recipe_facts(body)))


def network_in_words(training: TrainingSettings) -> str:
    """Return the name of the network, or its depth."""
    network = training.child.roles["network"]
    depth = kind_named(network.kind).depth
    layers = None if network.name or depth is None else depth(value_of(network))
    size = "" if layers is None else f" of {counted(layers, 'convolution layer')}"
    return network.name or f"network{size}"


def trained_in_words(training: TrainingSettings) -> str:
    """Return the network in words, and the data set."""
    return f"{network_in_words(training)} on {training.child.problem.source}"


def duration_in_words(training: TrainingSettings) -> str:
    """Return epochs, batches, and the examples of each part of the data."""
    facts = training.child.problem.facts
    validation = f"{facts['validation_examples']:,} {'of them trained on too' if training.with_validation else 'to validate'}"
    steps = f"{counted(training.epochs, 'epoch')} of {counted(training.steps_per_epoch, 'batch/batches')}"
    return f"{steps}; {facts['train_examples']:,} examples to train, {validation}, {facts['test_examples']:,} to test"


def recipe_facts(training: TrainingSettings) -> Iterator[tuple[str, str]]:
    """Yield what stands in every role beside the network, then the recipe: its rates, and what else is not as usual."""
    for role, filling in training.child.roles.items():
        if role != "network":
            yield role, words_of(filling) or filling.kind
    yield "recipe", recipe_in_words(training.child.recipe)


def recipe_in_words(recipe: Recipe) -> str:
    """Return the rates of a recipe, and what else of it is not as usual.

    >>> recipe_in_words(Recipe(batch_size=32, learning_rate=0.1, dropout=0.5))
    'batch size 32, learning rate 0.1, weight decay 0.0001, schedule constant, dropout 0.5'
    """
    said = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    usual = {field.name: field.default for field in fields(recipe) if field.name not in ALWAYS_SAID}
    return ", ".join(
        f"{name.replace('_', ' ')} {f'{value:g}' if isinstance(value, float) else value}"
        for name, value in said.items()
        if name not in usual or value != usual[name]
    )


ALWAYS_SAID = ("batch_size", "learning_rate", "weight_decay", "schedule")
"""The fields of a recipe that are named also where they are as usual."""


KIND = Kind(name="training", body=TrainingSettings, sheet=sheet, drawing=lambda body: drawings_of_network(body.child))

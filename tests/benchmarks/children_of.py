"""Children as benchmarks train them: the preset of a space, with changes, on a data set."""

from typing import Any

import msgspec

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.spaces import SearchPreset
from automl_cli.core.trials import EvaluatorSpec
from automl_cli.data import image_facts
from automl_cli.plugins.roles import built_by, by_names, network_filling, value_of
from automl_cli.store.encoding import plain
from automl_cli.values.child import Child, ProblemReference
from automl_cli.values.dataset import IMAGES, DatasetReference, ImageFacts
from automl_cli.values.network import Network, Shape
from automl_cli.values.recipe import Recipe


def child_on(
    dataset: DatasetReference,
    recipe: Recipe,
    *,
    network: Network | None = None,
    optimizer: str = "nesterov",
    augmentation: str = "standard",
    activation: str = "relu",
) -> Child:
    """A child on this data set; without a network that role stays open."""
    named = by_names({"activation": activation, "optimizer": optimizer, "augmentation": augmentation})
    problem = ProblemReference(name=IMAGES, dataset=plain(dataset), facts=plain(image_facts(dataset)))
    child = Child(problem=problem, recipe=recipe, roles=named)
    return child if network is None else child.filled(network=network_filling(network))


def rule_of(preset: SearchPreset) -> Any:
    """The update rule of a preset."""
    filling = by_names({"optimizer": preset.child.optimizer})["optimizer"]
    return built_by(filling)(value_of(filling), preset.child.recipe, total_steps=1, seed=0)


def child_of(preset: SearchPreset, **changes: Any) -> Child:
    """The child of a preset with the network open; `changes` are fields of the recipe, or roles by name."""
    meant = preset.child
    roles = {role: changes.pop(role, getattr(meant, role)) for role in ("optimizer", "augmentation", "activation")}
    recipe = msgspec.structs.replace(meant.recipe, **changes)
    return child_on(DatasetReference(source=meant.dataset), recipe, **roles)


def facts_of_images(shape: Shape, classes: int) -> ImageFacts:
    """Facts of images of this shape, where nothing is loaded."""
    names = tuple(map(str, range(classes)))
    return ImageFacts(image_shape=shape, classes=names, train_examples=0, validation_examples=0, test_examples=0, flip=False)


def setup_of(space: Any, child: Child, *, engine: str) -> EvaluatorSetup:
    """What an evaluator that trains such children is built from."""
    return EvaluatorSetup(EvaluatorSpec("trained", {"engine": engine}), space.reference(), msgspec.to_builtins(child))

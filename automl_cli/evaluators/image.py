"""Trains the network of a genotype on image data and measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from automl_cli.core.plugins import SpaceReference
from automl_cli.core.trials import Measurement, Task
from automl_cli.plugins.discovery import open_space
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.engine import EngineName
from automl_cli.values.recipe import Recipe

if TYPE_CHECKING:
    from automl_cli.children.images import ImageTrainer


class ImageEvaluator:
    """Settings: `space`, `dataset` and `recipe` as plain data, and the name of the `engine`. Making one imports JAX."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = msgspec.convert(settings, _Settings)
        self._space = open_space(self._settings.space)
        self._trainer = _trainer(self._settings)

    def evaluate(self, task: Task) -> Measurement:
        """One score per epoch. Metrics: `parameters`, `multiply_adds`, and the mean training `loss` of the last epoch."""
        facts = self._trainer.data.facts
        network, build = self._space.network(task.genotype, facts.image_shape), self._space.plugin.build
        if network is None or build is None:
            raise TypeError(f"space {self._space.plugin.name!r} builds nothing that could be trained on images")
        model = build(network, facts.image_shape, len(facts.classes), task.seed)
        trained = self._trainer.train(model, epochs=task.epochs, seed=task.seed)
        costs = msgspec.structs.asdict(network.costs(facts.image_shape, len(facts.classes)))
        return Measurement(scores=trained.scores, metrics={"loss": trained.losses[-1], **costs})


class _Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    space: SpaceReference
    dataset: DatasetReference
    recipe: Recipe
    engine: EngineName = "whole"


def _trainer(settings: _Settings) -> ImageTrainer:
    from automl_cli.children.images import ImageTrainer
    from automl_cli.data import load_images

    return ImageTrainer(load_images(settings.dataset), settings.recipe, metric=settings.dataset.metric, engine=settings.engine)

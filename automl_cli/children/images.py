"""Networks trained on image data under one recipe."""

from typing import Literal

import numpy as np
from flax import nnx

from automl_cli.children import inputs, recipes, scores
from automl_cli.children.prediction import largest_batch
from automl_cli.nn import losses
from automl_cli.nn.compilation import begin_child
from automl_cli.nn.engines import BlocksEngine, Engine, WholeEngine
from automl_cli.nn.fit import EvaluationExamples, OnEpoch, Plan, Progress, Score, fit
from automl_cli.nn.networks import NetworkModule
from automl_cli.values.engine import EngineName
from automl_cli.values.recipe import Recipe

Metric = Literal["accuracy", "balanced-accuracy"]


class ImageTrainer:
    """Image data on the device or streamed to it, and any network trained on it under one recipe. One object serves all
    children of a worker.

    The engine `blocks` trains networks described as blocks, in float32; other modules, and bfloat16, are left to `whole`.
    """

    def __init__(self, data: inputs.Data, recipe: Recipe, *, metric: Metric = "accuracy", engine: EngineName = "whole") -> None:
        self.data = data
        self.recipe = recipe
        self._metric = metric
        self._engine = engine
        self._moments = (data.mean, data.std)
        self._batches = inputs.training_batches(data, recipe)
        self._half = recipes.half(recipe)
        self._validations: dict[bool, EvaluationExamples] = {}
        self._score = self._score_of(data.validation)
        self._update_rule = recipes.update_rule(recipe)
        counts = tuple(map(int, data.class_counts)) if metric == "balanced-accuracy" else None
        self._loss = losses.WithAuxiliary(
            losses.CrossEntropy(counts, smoothing=recipe.label_smoothing), recipe.auxiliary_weight
        )

    def train(
        self, model: nnx.Module, *, epochs: int, seed: int, start: Progress | None = None, on_epoch: OnEpoch | None = None
    ) -> Progress:
        """Train the model; `seed` fixes the order of the data and its augmentation. Raises Diverged."""
        begin_child()
        plan = Plan(epochs=epochs, rate=recipes.schedule(self.recipe, epochs), seed=seed)
        engine = self.engine(model)
        validation = self._validation(blocks=isinstance(engine, BlocksEngine))
        return fit(engine, self._batches, validation, plan=plan, score=self._score, start=start, on_epoch=on_epoch)

    def engine(self, model: nnx.Module) -> Engine:
        """The model as compiled programs."""
        noise, average_decay = recipes.noise(self.recipe), self.recipe.average_decay
        if self._engine == "blocks" and isinstance(model, NetworkModule) and not self._half:
            return BlocksEngine(model, loss=self._loss, update_rule=self._update_rule, noise=noise, average_decay=average_decay)
        return WholeEngine(
            model,
            loss=self._loss,
            update_rule=self._update_rule,
            noise=noise,
            average_decay=average_decay,
            half=self._half,
        )

    def score(self, model: nnx.Module, arrays: dict[str, np.ndarray], split: inputs.Split) -> float:
        """The metric of a trained model, given by its arrays, on other examples, e.g. those of the test split."""
        engine = self.engine(model)
        state = engine.state(arrays)
        examples = self._examples(split, blocks=isinstance(engine, BlocksEngine))
        return self._score_of(split)(examples.outputs(lambda images: engine.outputs(state, images)))

    def _validation(self, *, blocks: bool) -> EvaluationExamples:
        if blocks not in self._validations:
            self._validations[blocks] = self._examples(self.data.validation, blocks=blocks)
        return self._validations[blocks]

    def _examples(self, split: inputs.Split, *, blocks: bool) -> EvaluationExamples:
        """For blocks in batches of the size that they are trained with, since their programs for it are there already."""
        size = self._batches.size if blocks else largest_batch(self.data.facts.image_shape)
        return inputs.examples(split, self.recipe, moments=self._moments, largest_batch=size, smaller=not blocks)

    def _score_of(self, split: inputs.Split) -> Score:
        return {"accuracy": scores.accuracy, "balanced-accuracy": scores.balanced_accuracy}[self._metric](split.labels)

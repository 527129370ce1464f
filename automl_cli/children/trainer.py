"""Training of children on their problem."""

from contextlib import suppress

import msgspec
from flax import nnx

from automl_cli.children import schedule
from automl_cli.children.learning import LearningTask
from automl_cli.children.network import module_of
from automl_cli.core.protocols import Diverged, Report
from automl_cli.nn.compilation import begin_child
from automl_cli.nn.engines import BlocksEngine, Engine, WholeEngine
from automl_cli.nn.evaluation import evaluate
from automl_cli.nn.fit import FitSettings, OnEpoch, TrainingProgress, fit
from automl_cli.nn.networks import NetworkModule
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import built_by, needs_whole, value_of
from automl_cli.values.child import Child
from automl_cli.values.engine import EngineName
from automl_cli.values.expressions.tree import number_text


class Trainer:
    """An opened problem that trains any child. One object serves all children of a worker.

    `child` is the record that all children share, in which one role may be open: its problem, and its augmentation if filled,
    determine how the data are read. The engine `blocks` trains networks described as blocks, in float32; other modules,
    bfloat16, and optimizers that work on whole arrays use the engine `whole`. `as_data` is the role, activation or optimizer,
    whose values are data to programs that all of them share: the one that is searched, since all children have the same in the
    others. `learning` are data that are open already, such as a part of a problem's. `fold` is the one that validates, where
    the data are dealt out into several.
    """

    def __init__(
        self,
        child: Child,
        *,
        engine: EngineName = "whole",
        with_validation: bool = False,
        report: Report | None = None,
        as_data: str | None = None,
        learning: LearningTask | None = None,
        fold: int | None = None,
    ) -> None:
        of_fold = {} if fold is None else {"fold": fold}
        self.learning: LearningTask = learning or problem_named(child.problem.name).open(
            child, with_validation=with_validation, report=report, **of_fold
        )
        self._engine = engine
        self._as_data = as_data

    def train(
        self,
        child: Child,
        *,
        epochs: int,
        seed: int,
        model: nnx.Module | None = None,
        start: TrainingProgress | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> TrainingProgress:
        """Train the network of a child with all its roles filled, or a model that was built for it.

        `seed` fixes the initial parameters, the order of the data and their augmentation. Raises Diverged if a loss or an
        output is not finite.
        """
        if self._as_data is None:  # children that share their programs fill no cache, and would compile them again
            begin_child()
        made = self.module(child, seed=seed) if model is None else model
        settled = self.at_best_rate(child, seed=seed, model=made)
        return self._fitted(settled, made, epochs=epochs, seed=seed, start=start, on_epoch=on_epoch)

    def _fitted(
        self,
        child: Child,
        model: nnx.Module,
        *,
        epochs: int,
        seed: int,
        start: TrainingProgress | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> TrainingProgress:
        batches = self.learning.batches(child)
        engine = self.engine(child, model, total_steps=epochs * batches.steps, seed=seed)
        return fit(
            engine,
            batches,
            self.learning.validation(child, like_training=isinstance(engine, BlocksEngine)),
            plan=FitSettings(epochs=epochs, rate=schedule.schedule(child.recipe, epochs), seed=seed),
            metric=self.learning.metric,
            start=start,
            on_epoch=on_epoch,
        )

    def at_best_rate(self, child: Child, *, seed: int, model: nnx.Module | None = None) -> Child:
        """Return the child with the one of its `learning_rates` at which it scores best after one epoch; itself without any.

        Of equally good rates the lowest is taken. `model` is one that was built for it. Raises Diverged where the child
        diverges at all of them.
        """
        if not child.recipe.learning_rates:
            return child
        made = self.module(child, seed=seed) if model is None else model
        scores: dict[float, float] = {}
        for rate in sorted(child.recipe.learning_rates):
            recipe = msgspec.structs.replace(child.recipe, learning_rate=rate, learning_rates=())
            with suppress(Diverged):
                trained = self._fitted(msgspec.structs.replace(child, recipe=recipe), made, epochs=1, seed=seed)
                scores[rate] = trained.scores[-1] if self.learning.metric.better == "higher" else -trained.scores[-1]
        if not scores:
            raise Diverged(f"it diverges at every learning rate of {', '.join(map(number_text, child.recipe.learning_rates))}")
        best = max(scores, key=lambda rate: (scores[rate], -rate))
        recipe = msgspec.structs.replace(child.recipe, learning_rate=best, learning_rates=())
        return msgspec.structs.replace(child, recipe=recipe)

    def test(self, child: Child, trained: TrainingProgress) -> dict[str, float]:
        """Read the test split, and return the scores of a training of this child by name.

        Raises Diverged if an output is not finite.
        """
        testing = problem_named(child.problem.name).test(child, self.learning.preparation)
        engine = self.engine(child, self.module(child, seed=0))
        like_training = isinstance(engine, BlocksEngine)
        size = min(child.recipe.batch_size, max(testing.size, 1)) if like_training else None
        examples = testing.examples(size=size, smaller=not like_training)
        values = evaluate(engine, engine.state(trained.arrays), examples, tuple(testing.metrics.values()))
        return dict(zip(testing.metrics, values, strict=True))

    def module(self, child: Child, *, seed: int) -> nnx.Module:
        """Build the network of a child, with its initial parameters by the seed."""
        auxiliary = child.recipe.auxiliary_weight > 0
        return module_of(child, seed=seed, auxiliary=auxiliary, activations_as_data=self._as_data == "activation")

    def engine(self, child: Child, model: nnx.Module, *, total_steps: int = 1, seed: int = 0) -> Engine:
        """Return the engine that trains this model for so many steps."""
        recipe, optimizer = child.recipe, child.roles["optimizer"]
        half = schedule.half(recipe)
        settings = {
            "loss": self.learning.loss,
            "update_rule": built_by(optimizer)(
                value_of(optimizer), recipe, total_steps=total_steps, seed=seed, as_data=self._as_data == "optimizer"
            ),
            "drop": schedule.drop_settings(recipe),
            "average_decay": recipe.average_decay,
        }
        if self._engine == "blocks" and isinstance(model, NetworkModule) and not half and needs_whole(child.roles) is None:
            again_and_again = self._as_data is not None
            batch = None if again_and_again else recipe.batch_size
            return BlocksEngine(model, **settings, tight=again_and_again, batch=batch)
        return WholeEngine(model, half=half, **settings)

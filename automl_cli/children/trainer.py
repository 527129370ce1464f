"""Training of children on their problem."""

from flax import nnx

from automl_cli.children import schedule
from automl_cli.children.learning import LearningTask
from automl_cli.children.network import module_of
from automl_cli.core.protocols import Report
from automl_cli.nn.compilation import begin_child
from automl_cli.nn.engines import BlocksEngine, Engine, WholeEngine
from automl_cli.nn.fit import FitSettings, OnEpoch, TrainingProgress, fit
from automl_cli.nn.networks import NetworkModule
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import built_by, value_of
from automl_cli.values.child import Child
from automl_cli.values.engine import EngineName


class Trainer:
    """An opened problem that trains any child. One object serves all children of a worker.

    `child` is the record that all children share, in which one role may be open: its problem, and its augmentation if filled,
    determine how the data are read. The engine `blocks` trains networks described as blocks, in float32; other modules, and
    bfloat16, use the engine `whole`.
    """

    def __init__(
        self, child: Child, *, engine: EngineName = "whole", with_validation: bool = False, report: Report | None = None
    ) -> None:
        problem = problem_named(child.problem.name)
        self.learning: LearningTask = problem.open(child, with_validation=with_validation, report=report)
        self._engine = engine

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
        begin_child()
        made = module_of(child, seed=seed, auxiliary=child.recipe.auxiliary_weight > 0) if model is None else model
        engine = self.engine(child, made)
        return fit(
            engine,
            self.learning.batches(child),
            self.learning.validation(child, like_training=isinstance(engine, BlocksEngine)),
            plan=FitSettings(epochs=epochs, rate=schedule.schedule(child.recipe, epochs), seed=seed),
            metric=self.learning.metric,
            start=start,
            on_epoch=on_epoch,
        )

    def engine(self, child: Child, model: nnx.Module) -> Engine:
        """Return the engine that trains this model."""
        recipe, optimizer = child.recipe, child.roles["optimizer"]
        half = schedule.half(recipe)
        settings = {
            "loss": self.learning.loss,
            "update_rule": built_by(optimizer)(value_of(optimizer), recipe),
            "drop": schedule.drop_settings(recipe),
            "average_decay": recipe.average_decay,
        }
        if self._engine == "blocks" and isinstance(model, NetworkModule) and not half:
            return BlocksEngine(model, **settings)
        return WholeEngine(model, half=half, **settings)

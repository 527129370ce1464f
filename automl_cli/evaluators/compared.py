"""Train one of several values of a role at one of several learning rates, for `automl compare`.

A genotype is (value, rate), two indices. Trials of the search stage choose the rate and give validation scores only; those of
the retraining stage are the ones that are compared: each reads the test split once, at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from automl_cli.core.protocols import Diverged, EvaluatorSetup
from automl_cli.core.trials import Measurement, Stage, Task
from automl_cli.plugins.listing import kind_named
from automl_cli.plugins.roles import value_of
from automl_cli.store.encoding import plain
from automl_cli.values.child import Child, Filling
from automl_cli.values.engine import EngineName
from automl_cli.values.recipe import Recipe

if TYPE_CHECKING:
    from automl_cli.children.trainer import Trainer


class OneWay(Struct, frozen=True, kw_only=True):
    """A value with its recipe, and the learning rates that are tried with it."""

    filling: Filling
    recipe: Recipe
    rates: tuple[float, ...]


class ComparedSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The role that is compared, its values, and the engine."""

    role: str
    ways: tuple[OneWay, ...]
    engine: EngineName


class ComparedEvaluator:
    """Trains the child with a value in the open role (`core.protocols.Evaluator`)."""

    def __init__(self, setup: EvaluatorSetup) -> None:
        self._settings = msgspec.convert(plain(setup.evaluator.settings), ComparedSettings)
        self._child = msgspec.convert(setup.child, Child)
        self._opened: tuple[Filling, Trainer] | None = None

    def _trainer_of(self, child: Child) -> Trainer:
        """Return the trainer whose data were read for this child's augmentation; the data are opened anew for another one."""
        from automl_cli.children.trainer import Trainer

        augmentation = child.roles["augmentation"]
        if self._opened is None or self._opened[0] != augmentation:
            self._opened = augmentation, Trainer(child, engine=self._settings.engine)
        return self._opened[1]

    def evaluate(self, task: Task) -> Measurement:
        """Train the child and return one validation score per epoch.

        Metrics are the last epoch's mean `loss`, the `learning_rate`, `lower_is_better`, and in the retraining stage the scores
        on the test split. Raises Diverged, before any training, for a value that cannot be trained.
        """
        way = self._settings.ways[task.genotype[0]]
        find_problem = kind_named(way.filling.kind).problem
        if find_problem is not None and (problem := find_problem(value_of(way.filling))) is not None:
            raise Diverged(f"not trained: {problem}")
        rate = way.rates[task.genotype[1]]
        recipe = msgspec.structs.replace(way.recipe, learning_rate=rate, learning_rates=())
        child = msgspec.structs.replace(self._child.filled(**{self._settings.role: way.filling}), recipe=recipe)
        trainer = self._trainer_of(child)
        trained = trainer.train(child, epochs=task.epochs, seed=task.seed)
        metrics: dict[str, Any] = {
            "loss": trained.losses[-1],
            "learning_rate": rate,
            "lower_is_better": int(trainer.learning.metric.better == "lower"),
        }
        if task.stage is Stage.RETRAIN:
            metrics |= trainer.test(child, trained)
        return Measurement(scores=trained.scores, metrics=metrics)

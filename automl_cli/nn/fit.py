"""The one training loop, for searching and for `automl train`: arrays in, state out."""

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import jax
import numpy as np

from automl_cli.core.protocols import Diverged
from automl_cli.core.random_streams import stream_seed
from automl_cli.nn.engines import Engine, StepContext
from automl_cli.nn.evaluation import EvaluationExamples, evaluated
from automl_cli.nn.metrics import Metric

Schedule = Callable[[float], float]
"""Share of the training that is over, from 0 to 1 -> learning rate."""


class TrainingBatches(Protocol):
    """Examples to train on, from arrays (`augment.Batches`) or streamed (`streaming.StreamedBatches`)."""

    size: int
    """Examples of a batch."""

    steps: int
    """Batches of an epoch."""

    carry: Any
    """The state that a network carries into the first batch of every epoch; None where it carries none."""

    def epoch(self, seed: int, epoch: int) -> Generator[tuple[jax.Array, jax.Array], None, None]:
        """The batches of one epoch on the device, inputs and targets: a function of seed and epoch."""
        ...


STEPS_BETWEEN_CHECKS = 50
"""How many steps a diverged child may still take: looking at the loss makes the program wait for the device."""


@dataclass(frozen=True)
class TrainingProgress:
    """A training after some whole epochs: a loss (mean over its steps) and a score per epoch, and the state as plain arrays.

    Enough to go on: `fit(..., start=progress)` gives the same bits as a training that was never interrupted.
    """

    losses: tuple[float, ...]
    scores: tuple[float, ...]
    arrays: Mapping[str, np.ndarray]

    @property
    def epochs(self) -> int:
        return len(self.scores)


OnEpoch = Callable[[tuple[float, ...], tuple[float, ...], Callable[[], dict[str, np.ndarray]]], None]
"""Called after each epoch with the losses and scores so far, and a function that fetches the state as plain arrays."""


@dataclass(frozen=True)
class FitSettings:
    """How long, at which learning rates, and with which seed for the order of the data and its augmentation."""

    epochs: int
    rate: Schedule
    seed: int


def fit(
    engine: Engine,
    batches: TrainingBatches,
    validation: EvaluationExamples,
    *,
    plan: FitSettings,
    metric: Metric,
    start: TrainingProgress | None = None,
    on_epoch: OnEpoch | None = None,
) -> TrainingProgress:
    """Train for `plan.epochs` epochs, scoring the validation examples after each by the metric.

    Raises Diverged as soon as a loss or an output is seen that is not finite.
    """
    losses, scores = (list(start.losses), list(start.scores)) if start else ([], [])
    state = engine.state(start.arrays) if start else engine.initial()
    for epoch in range(len(scores), plan.epochs):
        state, loss = _train_epoch(engine, state, batches, plan, epoch)
        try:
            (score,) = evaluated(engine, state, validation, (metric,))
        except Diverged as error:
            raise Diverged(f"{error} after epoch {epoch + 1}") from error
        losses.append(loss)
        scores.append(score)
        if on_epoch is not None:
            on_epoch(tuple(losses), tuple(scores), partial(engine.arrays, state))
    return TrainingProgress(tuple(losses), tuple(scores), engine.arrays(state))


def _train_epoch(engine: Engine, state: Any, batches: TrainingBatches, plan: FitSettings, epoch: int) -> tuple[Any, float]:
    """All batches of one epoch; returns the new state and the mean loss."""
    losses: list[float] = []
    waiting: list[jax.Array] = []
    total = plan.epochs * batches.steps
    keys = _keys(plan.seed, epoch, batches.steps)
    if batches.carry is not None:
        state = engine.carrying(state, batches.carry)
    with closing(batches.epoch(plan.seed, epoch)) as served:
        for step, (inputs, targets) in enumerate(served):
            share = (epoch * batches.steps + step) / total
            state, loss = engine.step(state, inputs, targets, plan.rate(share), StepContext(keys[step], share))
            waiting.append(loss)
            if len(waiting) == STEPS_BETWEEN_CHECKS or step + 1 == batches.steps:
                losses += map(float, jax.device_get(waiting))
                waiting.clear()
                if not math.isfinite(sum(losses)):
                    raise Diverged(f"the loss is not finite in epoch {epoch + 1}, step {step + 1} of {batches.steps}")
    if batches.carry is not None:
        state = engine.carrying(state, None)
    return state, math.fsum(losses) / len(losses)


def _keys(seed: int, epoch: int, steps: int) -> np.ndarray:
    """What the random draws of each step of an epoch come from."""
    random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "noise", epoch)))
    return random.integers(0, 2**32, (steps, 2), np.uint32)

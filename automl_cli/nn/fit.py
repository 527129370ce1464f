"""The training loop, the same for searching and for `automl train`: arrays in, state out."""

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
from automl_cli.nn.evaluation import EvaluationExamples, evaluate
from automl_cli.nn.metrics import Metric

Schedule = Callable[[float], float]
"""Progress of the training in [0, 1] -> learning rate."""


class TrainingBatches(Protocol):
    """Training examples, from arrays (`augment.batches.Batches`) or streamed (`streaming.StreamedBatches`)."""

    size: int
    """Examples per batch."""

    steps: int
    """Batches per epoch."""

    carry: Any
    """Carry of the network before the first batch of every epoch, a pytree of arrays; None for networks without one."""

    def epoch(self, seed: int, epoch: int) -> Generator[tuple[jax.Array, jax.Array], None, None]:
        """Yield the batches of one epoch on the device: inputs (size, …) and targets (size, …). They depend only on seed and
        epoch."""
        ...


STEPS_BETWEEN_CHECKS = 50
"""Steps after which losses are fetched and checked: fetching makes the program wait for the device. A diverged child takes
at most this many steps more."""


@dataclass(frozen=True)
class TrainingProgress:
    """A training after some whole epochs: mean loss and score of each epoch, and the state of the engine as plain arrays.

    It suffices to continue: `fit(..., start=progress)` gives the same bits as a training that was never interrupted.
    """

    losses: tuple[float, ...]
    scores: tuple[float, ...]
    arrays: Mapping[str, np.ndarray]

    @property
    def epochs(self) -> int:
        """Number of epochs that have been trained."""
        return len(self.scores)


OnEpoch = Callable[[tuple[float, ...], tuple[float, ...], Callable[[], dict[str, np.ndarray]]], None]
"""Called after each epoch with the losses and scores so far, and a function that fetches the state as plain arrays."""


@dataclass(frozen=True)
class FitSettings:
    """Length of a training in epochs, its learning-rate schedule, and the seed for data order and augmentation."""

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
    """Train for `plan.epochs` epochs, and score the validation examples by the metric after each.

    Raises Diverged as soon as a loss or an output that is not finite is seen.
    """
    losses, scores = (list(start.losses), list(start.scores)) if start else ([], [])
    state = engine.state(start.arrays) if start else engine.initial()
    for epoch in range(len(scores), plan.epochs):
        state, loss = _train_epoch(engine, state, batches, plan, epoch)
        try:
            (score,) = evaluate(engine, state, validation, (metric,))
        except Diverged as error:
            raise Diverged(f"{error} after epoch {epoch + 1}") from error
        losses.append(loss)
        scores.append(score)
        if on_epoch is not None:
            on_epoch(tuple(losses), tuple(scores), partial(engine.arrays, state))
    return TrainingProgress(tuple(losses), tuple(scores), engine.arrays(state))


def _train_epoch(engine: Engine, state: Any, batches: TrainingBatches, plan: FitSettings, epoch: int) -> tuple[Any, float]:
    """Train on all batches of one epoch; return the new state and the mean loss."""
    losses: list[float] = []
    pending: list[jax.Array] = []
    total = plan.epochs * batches.steps
    keys = _keys(plan.seed, epoch, batches.steps)
    if batches.carry is not None:
        state = engine.with_carry(state, batches.carry)
    with closing(batches.epoch(plan.seed, epoch)) as epoch_batches:
        for step, (inputs, targets) in enumerate(epoch_batches):
            progress = (epoch * batches.steps + step) / total
            state, loss = engine.step(state, inputs, targets, plan.rate(progress), StepContext(keys[step], progress))
            pending.append(loss)
            if len(pending) == STEPS_BETWEEN_CHECKS or step + 1 == batches.steps:
                losses += map(float, jax.device_get(pending))
                pending.clear()
                if not math.isfinite(sum(losses)):
                    raise Diverged(f"the loss is not finite in epoch {epoch + 1}, step {step + 1} of {batches.steps}")
    if batches.carry is not None:
        state = engine.with_carry(state, None)
    return state, math.fsum(losses) / len(losses)


def _keys(seed: int, epoch: int, steps: int) -> np.ndarray:
    """Return the random key of each step of an epoch: (steps, 2), uint32."""
    random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "noise", epoch)))
    return random.integers(0, 2**32, (steps, 2), np.uint32)

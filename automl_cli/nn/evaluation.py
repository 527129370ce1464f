"""Evaluation of a network on the examples of a split, batch by batch."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.core.protocols import Diverged
from automl_cli.nn.compilation import compiled
from automl_cli.nn.engines import Engine
from automl_cli.nn.metrics import Fold, Metric, results


class EvaluationBatch(NamedTuple):
    """One evaluation batch of constant size.

    `inputs` (size, …) on the device, padded at the end; `examples`, the number of rows that are not padding; `targets`
    (examples, …), or None for examples without targets.
    """

    inputs: Array
    examples: int
    targets: np.ndarray | None


class EvaluationExamples(Protocol):
    """Examples for evaluation (`augment.batches.Examples`, `streaming.StreamedExamples`)."""

    carry: Any
    """Carry of the network before the first batch, a pytree of arrays; None for networks without one."""

    def batches(self) -> Iterator[EvaluationBatch]:
        """Yield all examples in order, batch by batch."""
        ...


def evaluate(engine: Engine, state: Any, examples: EvaluationExamples, metrics: Sequence[Metric]) -> tuple[float, ...]:
    """Return the metrics of a network in this state on these examples, one number per metric.

    Raises ValueError if the examples have no targets, and Diverged if an output or a metric is not finite.
    """
    values = results(metrics, accumulate(engine, state, examples, metrics))
    if not np.isfinite(values).all():
        raise Diverged("a metric of the network is not finite")
    return values


def accumulate(engine: Engine, state: Any, examples: EvaluationExamples, folds: Sequence[Fold]) -> list[Any]:
    """Return what each of the folds makes of these examples, all in one pass. Raises as `evaluate` does."""
    accumulated = [fold.start() for fold in folds]
    for outputs, batch in predictions(engine, state, examples):
        if batch.targets is None:
            raise ValueError("these examples have no targets, so they cannot be scored")
        if not _finite(outputs):
            raise Diverged("outputs of the network are not finite")
        accumulated = [fold.add(previous, outputs, batch.targets) for fold, previous in zip(folds, accumulated, strict=True)]
    return accumulated


def _finite(outputs: Array | np.ndarray) -> bool:
    """Return whether all outputs are finite. Those of a language model are too large to be fetched from an accelerator."""
    if isinstance(outputs, np.ndarray) or jax.default_backend() == "cpu":
        return bool(np.isfinite(np.asarray(outputs)).all())
    return bool(_finite_on_device(outputs))


_finite_on_device = compiled(lambda outputs: jnp.isfinite(outputs).all(), identity="finite")


def outputs_of(engine: Engine, state: Any, examples: EvaluationExamples) -> np.ndarray:
    """Return the outputs of the network for all examples, (examples, …), in order. All of them are in memory at once."""
    return np.concatenate([np.asarray(outputs) for outputs, _ in predictions(engine, state, examples)])


def predictions(engine: Engine, state: Any, examples: EvaluationExamples) -> Iterator[tuple[Any, EvaluationBatch]]:
    """Yield the outputs for the examples of each batch, (examples, …), with the batch."""
    predict = engine.outputs if examples.carry is None else _StatefulOutputs(engine, examples.carry)
    for batch in examples.batches():
        outputs = predict(state, batch.inputs)
        yield outputs if batch.examples == len(outputs) else np.asarray(outputs)[: batch.examples], batch


class _StatefulOutputs:
    """Computes the outputs of consecutive batches, each with the carry that the batch before it left."""

    def __init__(self, engine: Engine, carry: Any) -> None:
        self._engine = engine
        self._carry = jax.tree.map(jnp.asarray, carry)

    def __call__(self, state: Any, inputs: Array) -> Array:
        outputs, self._carry = self._engine.outputs_with_carry(state, inputs, self._carry)
        return outputs

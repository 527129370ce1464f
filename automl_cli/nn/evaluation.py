"""A network looks at the examples of a split, batch by batch."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.core.protocols import Diverged
from automl_cli.nn.compilation import compiled
from automl_cli.nn.engines import Engine
from automl_cli.nn.metrics import Metric, results


class EvaluationBatch(NamedTuple):
    """Inputs on the device, filled up to the size of all batches; how many of them are examples; targets of those, if any."""

    inputs: Array
    examples: int
    targets: np.ndarray | None


class EvaluationExamples(Protocol):
    """Examples to score with (`augment.Examples`, `streaming.StreamedExamples`)."""

    carry: Any
    """The state that a network carries into the first batch; None where it carries none."""

    def batches(self) -> Iterator[EvaluationBatch]:
        """All of them, in order."""
        ...


def evaluated(engine: Engine, state: Any, examples: EvaluationExamples, metrics: Sequence[Metric]) -> tuple[float, ...]:
    """The metrics of a network in this state on these examples. Raises Diverged for outputs or metrics that are not finite."""
    counted = [metric.start() for metric in metrics]
    for outputs, batch in _seen(engine, state, examples):
        if batch.targets is None:
            raise ValueError("these examples have no targets, so they cannot be scored")
        if not _finite(outputs):
            raise Diverged("outputs of the network are not finite")
        counted = [metric.add(before, outputs, batch.targets) for metric, before in zip(metrics, counted, strict=True)]
    found = results(metrics, counted)
    if not np.isfinite(found).all():
        raise Diverged("a metric of the network is not finite")
    return found


_finite = compiled(lambda outputs: jnp.isfinite(outputs).all(), identity="finite")
"""On the device: the outputs of a language model are too many to be fetched for this."""


def outputs_of(engine: Engine, state: Any, examples: EvaluationExamples) -> np.ndarray:
    """The outputs for all examples, (examples, …), in order: for few, or where they are wanted themselves."""
    return np.concatenate([np.asarray(outputs) for outputs, _ in _seen(engine, state, examples)])


def _seen(engine: Engine, state: Any, examples: EvaluationExamples) -> Iterator[tuple[Any, EvaluationBatch]]:
    """The outputs for the examples of each batch."""
    look = engine.outputs if examples.carry is None else _StatefulOutputs(engine, examples.carry)
    for batch in examples.batches():
        outputs = look(state, batch.inputs)
        yield outputs if batch.examples == len(outputs) else np.asarray(outputs)[: batch.examples], batch


class _StatefulOutputs:
    """Looks at batches one after the other, each with the state that the one before left."""

    def __init__(self, engine: Engine, carry: Any) -> None:
        self._engine = engine
        self._carry = jax.tree.map(jnp.asarray, carry)

    def __call__(self, state: Any, inputs: Array) -> Array:
        outputs, self._carry = self._engine.carried_outputs(state, inputs, self._carry)
        return outputs

"""Metrics as folds over batches, so that the outputs for a whole split are never in memory at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.nn.compilation import compiled

Direction = Literal["higher", "lower"]


class Fold(Protocol):
    """A fold over the batches of a split."""

    def start(self) -> Any:
        """Return the accumulator before the first batch."""
        ...

    def add(self, accumulated: Any, outputs: Array | np.ndarray, targets: np.ndarray) -> Any:
        """Return the accumulator after one batch more: outputs (examples, …) on the device and targets (examples, …), row by
        row."""
        ...


class Metric(Fold, Protocol):
    """A metric as a fold over the batches of a split."""

    better: ClassVar[Direction]
    """Direction in which the metric improves."""

    def result(self, accumulated: Any) -> float:
        """Return the metric of everything accumulated."""
        ...


@dataclass(frozen=True)
class Accuracy:
    """Share of the examples whose largest logit is the label's. Logits are (examples, classes), labels (examples,)."""

    better: ClassVar[Direction] = "higher"

    def start(self) -> tuple[int, int]:
        """Return zero correct examples of zero."""
        return 0, 0

    def add(self, accumulated: tuple[int, int], outputs: Array | np.ndarray, targets: np.ndarray) -> tuple[int, int]:
        """Add the correct examples, and all examples, of one batch."""
        right = np.asarray(outputs).argmax(-1) == targets
        return accumulated[0] + int(right.sum()), accumulated[1] + len(targets)

    def result(self, accumulated: tuple[int, int]) -> float:
        """Return the share of correct examples."""
        return accumulated[0] / accumulated[1]


@dataclass(frozen=True)
class TopAccuracy:
    """Share of the examples whose label is among the `k` largest logits; of equal logits the first counts as larger.

    Logits are (examples, classes), labels (examples,).
    """

    k: int

    better: ClassVar[Direction] = "higher"

    def start(self) -> tuple[int, int]:
        """Return zero correct examples of zero."""
        return 0, 0

    def add(self, accumulated: tuple[int, int], outputs: Array | np.ndarray, targets: np.ndarray) -> tuple[int, int]:
        """Add the correct examples, and all examples, of one batch."""
        largest = np.argsort(-np.asarray(outputs), -1, kind="stable")[:, : self.k]
        right = (largest == targets[:, None]).any(-1)
        return accumulated[0] + int(right.sum()), accumulated[1] + len(targets)

    def result(self, accumulated: tuple[int, int]) -> float:
        """Return the share of correct examples."""
        return accumulated[0] / accumulated[1]


@dataclass(frozen=True)
class BalancedAccuracy:
    """Mean over the classes that occur of the accuracy within the class. Logits are (examples, classes), labels (examples,)."""

    classes: int

    better: ClassVar[Direction] = "higher"

    def start(self) -> np.ndarray:
        """Return zero correct examples, and zero examples, of each class: (2, classes), int64."""
        return np.zeros((2, self.classes), np.int64)

    def add(self, accumulated: np.ndarray, outputs: Array | np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Add the correct examples, and all examples, of each class in one batch."""
        right = targets[np.asarray(outputs).argmax(-1) == targets]
        return accumulated + [np.bincount(labels, minlength=self.classes) for labels in (right, targets)]

    def result(self, accumulated: np.ndarray) -> float:
        """Return the mean accuracy over the classes that occur."""
        right, totals = accumulated[:, accumulated[1] > 0]
        return float(np.mean([value / of for value, of in zip(right.tolist(), totals.tolist(), strict=True)]))


@dataclass(frozen=True)
class Confusion:
    """Counts the examples of each class by the class that they are taken for. Logits are (examples, classes), labels
    (examples,)."""

    classes: int

    def start(self) -> np.ndarray:
        """Return zero examples: (classes, classes), int64, a row for each class."""
        return np.zeros((self.classes, self.classes), np.int64)

    def add(self, accumulated: np.ndarray, outputs: Array | np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Add the examples of one batch."""
        pairs = targets.astype(np.int64) * self.classes + np.asarray(outputs).argmax(-1)
        return accumulated + np.bincount(pairs, minlength=self.classes**2).reshape(self.classes, self.classes)


@dataclass(frozen=True)
class MeanSquaredError:
    """Mean of the squared differences. Outputs and targets have one shape, (examples, …)."""

    better: ClassVar[Direction] = "lower"

    def start(self) -> tuple[float, int]:
        """Return a zero sum of zero numbers."""
        return 0.0, 0

    def add(self, accumulated: tuple[float, int], outputs: Array | np.ndarray, targets: np.ndarray) -> tuple[float, int]:
        """Add the squared differences, in float64, of one batch."""
        squares = np.square(np.asarray(outputs, np.float64) - targets)
        return accumulated[0] + float(squares.sum()), accumulated[1] + squares.size

    def result(self, accumulated: tuple[float, int]) -> float:
        """Return the mean squared difference."""
        return accumulated[0] / accumulated[1]


@dataclass(frozen=True)
class Perplexity:
    """exp of the mean cross-entropy of a token. Logits are (…, words), targets (…,); each batch is summed up on the device."""

    better: ClassVar[Direction] = "lower"

    def start(self) -> tuple[float, int]:
        """Return a zero cross-entropy of zero tokens."""
        return 0.0, 0

    def add(self, accumulated: tuple[float, int], outputs: Array | np.ndarray, targets: np.ndarray) -> tuple[float, int]:
        """Add the cross-entropies of the tokens of one batch."""
        return accumulated[0] + float(_cross_entropy()(outputs, targets)), accumulated[1] + targets.size

    def result(self, accumulated: tuple[float, int]) -> float:
        """Return the perplexity; infinity where it overflows."""
        with np.errstate(over="ignore"):  # infinite then
            return float(np.exp(accumulated[0] / accumulated[1]))


@cache
def _cross_entropy() -> Any:
    def summed(logits: Array, targets: Array) -> Array:
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1)
        return -chosen.sum()

    return compiled(summed)


def results(metrics: Sequence[Metric], accumulated: Sequence[Any]) -> tuple[float, ...]:
    """Return the result of each metric."""
    return tuple(metric.result(value) for metric, value in zip(metrics, accumulated, strict=True))

"""Metrics as folds over batches: the outputs for a whole split are never in memory at once."""

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


class Metric(Protocol):
    """A fold over the batches of a split."""

    better: ClassVar[Direction]
    """Which of two results is the better one."""

    def start(self) -> Any:
        """What has been counted before the first batch."""
        ...

    def add(self, counted: Any, outputs: Array | np.ndarray, targets: np.ndarray) -> Any:
        """That with one batch more: outputs (examples, …) on the device and targets (examples, …), row by row."""
        ...

    def result(self, counted: Any) -> float:
        """The metric of all that was counted."""
        ...


@dataclass(frozen=True)
class Accuracy:
    """Share of the examples whose largest logit is the label's. Logits are (examples, classes), labels (examples,)."""

    better: ClassVar[Direction] = "higher"

    def start(self) -> tuple[int, int]:
        return 0, 0

    def add(self, counted: tuple[int, int], outputs: Array | np.ndarray, targets: np.ndarray) -> tuple[int, int]:
        right = np.asarray(outputs).argmax(-1) == targets
        return counted[0] + int(right.sum()), counted[1] + len(targets)

    def result(self, counted: tuple[int, int]) -> float:
        return counted[0] / counted[1]


@dataclass(frozen=True)
class TopAccuracy:
    """Share of the examples whose label is among the `places` largest logits, equal ones in their order. Else as `Accuracy`."""

    places: int

    better: ClassVar[Direction] = "higher"

    def start(self) -> tuple[int, int]:
        return 0, 0

    def add(self, counted: tuple[int, int], outputs: Array | np.ndarray, targets: np.ndarray) -> tuple[int, int]:
        largest = np.argsort(-np.asarray(outputs), -1, kind="stable")[:, : self.places]
        right = (largest == targets[:, None]).any(-1)
        return counted[0] + int(right.sum()), counted[1] + len(targets)

    def result(self, counted: tuple[int, int]) -> float:
        return counted[0] / counted[1]


@dataclass(frozen=True)
class BalancedAccuracy:
    """Mean over the classes that occur of the accuracy within the class. Logits and labels as for `Accuracy`."""

    classes: int

    better: ClassVar[Direction] = "higher"

    def start(self) -> np.ndarray:
        """Right and all examples of each class, int64 (2, classes)."""
        return np.zeros((2, self.classes), np.int64)

    def add(self, counted: np.ndarray, outputs: Array | np.ndarray, targets: np.ndarray) -> np.ndarray:
        right = targets[np.asarray(outputs).argmax(-1) == targets]
        return counted + [np.bincount(labels, minlength=self.classes) for labels in (right, targets)]

    def result(self, counted: np.ndarray) -> float:
        right, all_of = counted[:, counted[1] > 0]
        return float(np.mean([one / of for one, of in zip(right.tolist(), all_of.tolist(), strict=True)]))


@dataclass(frozen=True)
class MeanSquaredError:
    """Mean of the squared differences. Outputs and targets have one shape, (examples, …)."""

    better: ClassVar[Direction] = "lower"

    def start(self) -> tuple[float, int]:
        return 0.0, 0

    def add(self, counted: tuple[float, int], outputs: Array | np.ndarray, targets: np.ndarray) -> tuple[float, int]:
        squares = np.square(np.asarray(outputs, np.float64) - targets)
        return counted[0] + float(squares.sum()), counted[1] + squares.size

    def result(self, counted: tuple[float, int]) -> float:
        return counted[0] / counted[1]


@dataclass(frozen=True)
class Perplexity:
    """exp of the mean cross-entropy of a token. Logits are (…, words), targets (…,); a batch is reduced on the device."""

    better: ClassVar[Direction] = "lower"

    def start(self) -> tuple[float, int]:
        return 0.0, 0

    def add(self, counted: tuple[float, int], outputs: Array | np.ndarray, targets: np.ndarray) -> tuple[float, int]:
        return counted[0] + float(_cross_entropy()(outputs, targets)), counted[1] + targets.size

    def result(self, counted: tuple[float, int]) -> float:
        with np.errstate(over="ignore"):  # infinite then
            return float(np.exp(counted[0] / counted[1]))


@cache
def _cross_entropy() -> Any:
    def summed(logits: Array, targets: Array) -> Array:
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), targets[..., None], -1)
        return -chosen.sum()

    return compiled(summed)


def results(metrics: Sequence[Metric], counted: Sequence[Any]) -> tuple[float, ...]:
    """The results of several folds."""
    return tuple(metric.result(one) for metric, one in zip(metrics, counted, strict=True))

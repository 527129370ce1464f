"""Loss and metric of a classification task."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from automl_cli.nn.engines import Loss
from automl_cli.nn.fit import Score


@dataclass(frozen=True)
class CrossEntropy:
    """Mean cross-entropy of logits (batch, classes) and labels (batch,).

    With `class_counts` of the training examples each example weighs total / (classes * count of its class), so that every class
    counts alike. `smoothing` is the share of each label that all classes get alike (arXiv 1512.00567, section 7).
    """

    class_counts: tuple[int, ...] | None = None
    smoothing: float = 0.0

    def __call__(self, logits: Array, labels: Array) -> Array:
        each = self._each(logits, labels)
        if self.class_counts is None:
            return each.mean()
        counts = np.maximum(np.asarray(self.class_counts), 1)
        weights = (counts.sum() / (len(counts) * counts)).astype(np.float32)
        return (each * jnp.asarray(weights)[labels]).mean()

    def _each(self, logits: Array, labels: Array) -> Array:
        if self.smoothing == 0:
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), self.smoothing)
        return optax.softmax_cross_entropy(logits, targets)


@dataclass(frozen=True)
class WithAuxiliary:
    """The loss of a network whose training outputs may be a pair, the second one of an auxiliary head."""

    loss: Loss
    weight: float

    def __call__(self, outputs: Any, labels: Array) -> Array:
        if not isinstance(outputs, tuple):
            return self.loss(outputs, labels)
        logits, auxiliary = outputs
        return self.loss(logits, labels) + self.weight * self.loss(auxiliary, labels)


def top(count: int, labels: np.ndarray) -> Score:
    """Share of the examples whose label is among the so many largest logits."""
    return lambda logits: float(np.mean((np.argsort(-logits, -1)[:, :count] == labels[:, None]).any(-1)))


def accuracy(labels: np.ndarray) -> Score:
    """Share of the examples whose largest logit is the label's."""
    return lambda logits: float(np.mean(logits.argmax(-1) == labels))


def balanced_accuracy(labels: np.ndarray) -> Score:
    """Mean over the classes that occur of the accuracy within the class."""
    classes = np.unique(labels)

    def score(logits: np.ndarray) -> float:
        right = logits.argmax(-1) == labels
        return float(np.mean([right[labels == label].mean() for label in classes]))

    return score

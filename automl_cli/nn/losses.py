"""Losses of a classification task.

They are dataclasses whose `repr` determines what they compute, and they stand in `nn`, whose sources are part of the name of a
compiled program (`nn.program_cache`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

Loss = Callable[[Any, Array], Array]
"""(outputs of the network in training mode, targets) -> mean loss of the batch, a scalar."""


@dataclass(frozen=True)
class CrossEntropy:
    """Mean cross-entropy of logits (batch, classes) and integer labels (batch,), a scalar.

    With `class_counts` of the training examples, an example has the weight total / (classes * count of its class), so that all
    classes weigh alike. `smoothing` is the share of each label that is spread evenly over all classes (arXiv 1512.00567,
    section 7).
    """

    class_counts: tuple[int, ...] | None = None
    smoothing: float = 0.0

    def __call__(self, logits: Array, labels: Array) -> Array:
        each = self._each(logits, labels)
        if (weights := self.class_weights()) is None:
            return each.mean()
        return (each * jnp.asarray(weights)[labels]).mean()

    def class_weights(self) -> np.ndarray | None:
        """Return the weight of the examples of each class, (classes,) float32; None if all weigh alike."""
        if self.class_counts is None:
            return None
        counts = np.maximum(np.asarray(self.class_counts), 1)
        return (counts.sum() / (len(counts) * counts)).astype(np.float32)

    def _each(self, logits: Array, labels: Array) -> Array:
        if self.smoothing == 0:
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), self.smoothing)
        return optax.softmax_cross_entropy(logits, targets)


@dataclass(frozen=True)
class WithAuxiliary:
    """Loss of a network whose training outputs may be a pair of logits, (batch, classes) each, the second from an auxiliary
    head.

    loss(logits) + weight * loss(auxiliary logits), a scalar.
    """

    loss: Loss
    weight: float

    def __call__(self, outputs: Any, labels: Array) -> Array:
        if not isinstance(outputs, tuple):
            return self.loss(outputs, labels)
        logits, auxiliary = outputs
        return self.loss(logits, labels) + self.weight * self.loss(auxiliary, labels)


def is_described(loss: Loss) -> bool:
    """Return whether the `repr` of a loss determines what it computes: true for the losses of this module that nest no
    other."""
    return type(loss) is CrossEntropy or (type(loss) is WithAuxiliary and is_described(loss.loss))

"""Loss and metric of a classification task."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import optax

from automl_cli.nn.engines import Loss
from automl_cli.nn.fit import Score


def cross_entropy(class_counts: Sequence[int] | None = None) -> Loss:
    """Mean cross-entropy of logits (batch, classes) and labels (batch,).

    With `class_counts` of the training examples each example weighs total / (classes * count of its class), so that every class
    counts alike.
    """
    if class_counts is None:
        return lambda logits, labels: optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    counts = np.maximum(np.asarray(class_counts), 1)
    weights = (counts.sum() / (len(counts) * counts)).astype(np.float32)
    return lambda logits, labels: (
        optax.softmax_cross_entropy_with_integer_labels(logits, labels) * jnp.asarray(weights)[labels]
    ).mean()


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

"""Metrics of a classification task. Its losses: `nn.losses`."""

import numpy as np

from automl_cli.nn.fit import Score


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

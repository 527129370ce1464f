"""The interface of a problem for training, and for testing a trained child (`core.problem.Problem`)."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from automl_cli.nn.evaluation import EvaluationExamples
from automl_cli.nn.fit import TrainingBatches
from automl_cli.nn.losses import Loss
from automl_cli.nn.metrics import Confusion, Metric
from automl_cli.values.child import Child


class LearningTask(Protocol):
    """The data of a problem as children are trained on it. One object serves all children of a worker."""

    loss: Loss
    """(outputs of the network in training mode, targets) -> mean loss of the batch, a scalar. Its `repr` determines what it
    computes."""

    metric: Metric
    """Metric of the validation examples."""

    preparation: dict[str, tuple[float, ...]]
    """Statistics of the training data, such as their mean, that are needed to prepare other data alike."""

    def batches(self, child: Child) -> TrainingBatches:
        """Return the training examples, prepared for this child."""
        ...

    def validation(self, child: Child, *, like_training: bool) -> EvaluationExamples:
        """Return the validation examples, in batches of the training batch size if `like_training`, otherwise as large as
        fit."""
        ...

    def contents(self) -> np.ndarray | None:
        """Return a digest of the content of each training example, (examples,) uint64; None where that would take too long, or
        nothing is gained by it."""
        ...


class Testing(NamedTuple):
    """The test split, prepared for a trained child.

    `examples` takes `size`, the largest batch size or None for as many as fit, and `smaller`, whether batches may be smaller.
    `metrics` are by the name of the score. `confusion` counts what is taken for what, where examples
    have classes. `contents` returns a digest of the content of each example, (examples,) uint64, or None, as for a learning
    task.
    """

    size: int
    examples: Any
    metrics: Mapping[str, Metric]
    confusion: Confusion | None = None
    contents: Callable[[], np.ndarray | None] = lambda: None

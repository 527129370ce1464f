"""What a problem brings to a training, and to the test of a trained child (`core.protocols.Problem`)."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from automl_cli.nn.evaluation import EvaluationExamples
from automl_cli.nn.fit import TrainingBatches
from automl_cli.nn.losses import Loss
from automl_cli.nn.metrics import Metric
from automl_cli.values.child import Child


class LearningTask(Protocol):
    """The data of a problem as children are trained on it. One object serves all children of a worker."""

    loss: Loss
    """(outputs of the network in training, targets) -> mean loss of the batch. Its text says all there is to say of it."""

    metric: Metric
    """What validation examples are scored by."""

    preparation: dict[str, tuple[float, ...]]
    """What has to be known of the training data to look at others in the same way, such as their mean."""

    def batches(self, child: Child) -> TrainingBatches:
        """The training examples as this child is shown them."""
        ...

    def validation(self, child: Child, *, like_training: bool) -> EvaluationExamples:
        """The validation examples: in batches of the size that is trained with, or as many as fit."""
        ...


class Testing(NamedTuple):
    """The test split as a trained child is shown it.

    `examples` takes the largest size of a batch, None for as many as fit, and whether batches may be smaller. `metrics` are by
    the name of the score.
    """

    size: int
    examples: Any
    metrics: Mapping[str, Metric]

"""The classifier behind the maps of a network, by NumPy: the mean over a map, its summand of the logits, and the loss."""

from typing import Any

import numpy as np

from automl_cli.nn.losses import CrossEntropy, Loss, WithAuxiliary
from automl_cli.nn.numpy_ops.normalisation import sums
from automl_cli.nn.numpy_ops.operation import Arrays, Inputs

Pair = tuple[int, int]


class Share:
    """Operation: (height, width, batch, channels) -> its summand of the logits, (batch, classes).

    The parameter is `weights`, (channels, classes). The mean is over a map of `size`, which is zero outside x. With `dropped`,
    the factors of the features, (batch, channels), are the first side input; in evaluation mode they are None.
    """

    def __init__(self, size: Pair, *, dropped: bool) -> None:
        self._positions, self._dropped = size[0] * size[1], dropped

    def forward(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> tuple[np.ndarray, Inputs | None, Any]:
        """Return the output, None, and the features with their factors."""
        factors, examples = (side_inputs[0], side_inputs[1:]) if self._dropped else (None, side_inputs)
        (x,) = (*inputs, *examples)
        x = np.asarray(x)
        features = sums(x.reshape(x.shape[0] * x.shape[1], -1)).reshape(x.shape[2:]) / self._positions
        if factors is not None:
            factors = np.asarray(factors)
            features *= factors
        return features @ parameters["weights"], None, (features, factors, x.shape, len(inputs) > 0)

    def backward(
        self, parameters: Arrays, saved: Any, output: np.ndarray, gradient: np.ndarray, parameter_gradients: Arrays
    ) -> list[np.ndarray]:
        """Return the gradient of the input, unless that is the examples."""
        features, factors, shape, of_input = saved
        np.matmul(features.T, gradient, out=parameter_gradients["weights"])
        if not of_input:
            return []
        of_features = gradient @ parameters["weights"].T / self._positions
        if factors is not None:
            of_features *= factors
        return [np.broadcast_to(of_features, shape)]

    def evaluate(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> np.ndarray:
        """Return the output."""
        return self.forward(parameters, inputs, side_inputs)[0]


class MeanLoss:
    """Operation: logits (batch, classes), and those of an auxiliary head if there is one -> the loss, a scalar; in evaluation
    mode the logits with the bias.

    The parameter is `bias`, (classes,), of the first logits; the side input is the labels, (batch,).
    """

    def __init__(self, loss: CrossEntropy, *, auxiliary_weight: float = 0.0) -> None:
        self._loss = loss
        self._weights = (1.0, auxiliary_weight)

    @classmethod
    def of(cls, loss: Loss) -> "MeanLoss | None":
        """Return the operation for a loss; None if it is not of the kind that this one computes."""
        if type(loss) is CrossEntropy:
            return cls(loss)
        if type(loss) is WithAuxiliary and type(loss.loss) is CrossEntropy:
            return cls(loss.loss, auxiliary_weight=loss.weight)
        return None

    def forward(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> tuple[np.ndarray, Inputs | None, Any]:
        """Return the loss, None, and its gradients for the logits."""
        labels = np.asarray(side_inputs[0])
        both = zip((self.evaluate(parameters, inputs, ()), *inputs[1:]), self._weights, strict=False)
        losses, gradients = zip(*(self._weighted(logits, labels, weight) for logits, weight in both), strict=True)
        return np.asarray(sum(losses), np.float32), None, gradients

    def _weighted(self, logits: np.ndarray, labels: np.ndarray, weight: float) -> tuple[np.float32, np.ndarray]:
        """Return the cross-entropy of some logits times a weight, and its gradient."""
        smoothing, classes = self._loss.smoothing, logits.shape[1]
        targets = np.full(logits.shape, smoothing / classes, np.float32)
        targets[np.arange(len(labels)), labels] += 1 - smoothing
        weights = np.full(len(labels), weight / len(labels), np.float32)
        if (of_classes := self._loss.class_weights()) is not None:
            weights *= of_classes[labels]
        shifted = logits - logits.max(1, keepdims=True)
        exponentials = np.exp(shifted)
        totals = exponentials.sum(1)
        each = np.log(totals) - (targets * shifted).sum(1)
        return each @ weights, (exponentials / totals[:, None] - targets) * weights[:, None]

    def backward(
        self, parameters: Arrays, saved: Any, output: np.ndarray, gradient: np.ndarray, parameter_gradients: Arrays
    ) -> list[np.ndarray]:
        """Return the gradients of the logits."""
        of_logits = [each * gradient for each in saved]
        parameter_gradients["bias"][...] = sums(of_logits[0])
        return of_logits

    def evaluate(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> np.ndarray:
        """Return the logits."""
        return inputs[0] + parameters["bias"]

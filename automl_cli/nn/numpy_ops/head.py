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
    """Operation: logits (batch, classes) without bias -> the loss, a scalar; in evaluation mode the logits with the bias.

    The parameter is `bias`, (classes,); the side input is the labels, (batch,).
    """

    def __init__(self, loss: CrossEntropy) -> None:
        self._loss = loss

    @classmethod
    def of(cls, loss: Loss) -> "MeanLoss | None":
        """Return the operation for a loss of a network without an auxiliary head; None for a loss that is not described."""
        if type(loss) is WithAuxiliary:
            loss = loss.loss
        return cls(loss) if type(loss) is CrossEntropy else None

    def forward(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> tuple[np.ndarray, Inputs | None, Any]:
        """Return the loss, None, and its gradient for the logits."""
        logits, labels = self.evaluate(parameters, inputs, ()), np.asarray(side_inputs[0])
        smoothing, classes = self._loss.smoothing, logits.shape[1]
        targets = np.full(logits.shape, smoothing / classes, np.float32)
        targets[np.arange(len(labels)), labels] += 1 - smoothing
        weights = np.full(len(labels), 1 / len(labels), np.float32)
        if (of_classes := self._loss.class_weights()) is not None:
            weights *= of_classes[labels]
        shifted = logits - logits.max(1, keepdims=True)
        exponentials = np.exp(shifted)
        totals = exponentials.sum(1)
        each = np.log(totals) - (targets * shifted).sum(1)
        gradient = (exponentials / totals[:, None] - targets) * weights[:, None]
        return np.asarray(each @ weights, np.float32), None, gradient

    def backward(
        self, parameters: Arrays, saved: Any, output: np.ndarray, gradient: np.ndarray, parameter_gradients: Arrays
    ) -> list[np.ndarray]:
        """Return the gradient of the logits."""
        of_logits = saved * gradient
        parameter_gradients["bias"][...] = sums(of_logits)
        return [of_logits]

    def evaluate(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> np.ndarray:
        """Return the logits."""
        (logits,) = inputs
        return np.asarray(logits + parameters["bias"])

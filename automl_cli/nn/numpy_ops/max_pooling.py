"""Maximum over windows by NumPy: as in `ops.max_pooling`, the first maximum of a window in row-major order takes its gradient,
which a window with NaN loses."""

from itertools import product
from typing import Any

import numpy as np

from automl_cli.nn.numpy_ops.operation import Arrays, Inputs, inside, padded
from automl_cli.nn.numpy_ops.patches import Tap
from automl_cli.values.operations import MaxPool, padding

Pair = tuple[int, int]


class MaxPooling:
    """Operation: x (height, width, batch, channels), zero-padded to `size`, -> (outputs, outputs, batch, channels).

    If the training examples are the input they are the only side input.
    """

    def __init__(self, pool: MaxPool, size: Pair) -> None:
        self._size = size
        self._axes = [_positions(*axis) for axis in zip(size, pool.window, pool.stride, strict=True)]
        self._outputs = pool.output_shape((*size, 1))[:2]

    def forward(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> tuple[np.ndarray, Inputs | None, Any]:
        """Return the output, None, and the input."""
        (x,) = (*inputs, *side_inputs)
        shape, x = np.shape(x), padded(np.asarray(x), self._size)
        y = np.full((*self._outputs, *shape[2:]), -np.inf, np.float32)
        for row, column in product(*self._axes):
            view = y[row.windows, column.windows]
            np.maximum(view, x[row.positions, column.positions], out=view)
        return y, None, (x, shape, len(inputs) > 0)

    def backward(
        self, parameters: Arrays, saved: Any, output: np.ndarray, gradient: np.ndarray, parameter_gradients: Arrays
    ) -> list[np.ndarray]:
        """Return the gradient of the input, unless that is the examples."""
        x, shape, of_input = saved
        if not of_input:
            return []
        x_gradient, free = np.zeros(x.shape, np.float32), np.ones(output.shape, bool)
        for row, column in product(*self._axes):
            windows, positions = (row.windows, column.windows), (row.positions, column.positions)
            held = (x[positions] == output[windows]) & free[windows]
            free[windows] &= ~held
            x_gradient[positions] += gradient[windows] * held
        return [inside(x_gradient, shape)]

    def evaluate(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> np.ndarray:
        """Return the output."""
        return self.forward(parameters, inputs, side_inputs)[0]


def _positions(size: int, side: int, step: int) -> list[Tap]:
    """Return, for each position in a window, the windows in which it lies on the map, and where; padding is "same"."""
    outputs, (front, _) = -(-size // step), padding(size, side, step, "same")
    found = []
    for offset in range(side):
        first = max(0, -((offset - front) // step))
        last = min(outputs - 1, (size - 1 + front - offset) // step)
        if first <= last:
            start = first * step + offset - front
            found.append(Tap(slice(first, last + 1), slice(start, last * step + offset - front + 1, step)))
    return found

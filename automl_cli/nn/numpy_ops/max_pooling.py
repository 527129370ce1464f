"""Maximum over windows by NumPy: as in `ops.max_pooling`, the first maximum of a window in row-major order takes its gradient,
which a window with NaN loses."""

from itertools import product
from typing import Any

import numpy as np

from automl_cli.nn.numpy_ops.operation import Arrays, Inputs, inside, padded
from automl_cli.nn.numpy_ops.taps import taps_on_map
from automl_cli.values.operations import MaxPool, padding

Pair = tuple[int, int]


class MaxPooling:
    """Operation: x (height, width, batch, channels), zero-padded to `size`, -> (outputs, outputs, batch, channels).

    If the training examples are the input they are the only side input.
    """

    def __init__(self, pool: MaxPool, size: Pair) -> None:
        self._size = size
        axes = zip(size, pool.window, pool.stride, strict=True)
        self._axes = [tuple(taps_on_map(*axis, padding(*axis, "same")[0], -(-axis[0] // axis[2])).values()) for axis in axes]
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

"""An LSTM of some layers (Hochreiter and Schmidhuber, 1997), and its gradient through time.

    i, f, g, o = [x, h] K + b        c' = sigmoid(f) c + sigmoid(i) tanh(g)        h' = sigmoid(o) tanh(c')

Everything that the gradient needs is kept, time first.
"""

import numpy as np

from automl_cli.strategies.controller.parameters import Floats, Parameters


class Lstm:
    """All steps of an LSTM over a batch of sequences: first `advance` for every step, then `retreat` for every step back."""

    def __init__(self, parameters: Parameters, *, steps: int, batch: int) -> None:
        self._kernels = [parameters[f"kernel {layer}"] for layer in range(_layers(parameters))]
        self._offsets = [parameters[f"offset {layer}"] for layer in range(len(self._kernels))]
        self._units = units = len(parameters["start"])
        size = (len(self._kernels), steps, batch)
        self._inputs = np.empty((*size, 2 * units))
        self._inputs[:, 0, :, units:] = 0
        self._gates, self._slopes = np.empty((*size, 4 * units)), np.empty((*size, 4 * units))
        self._memories, self._signals = np.empty((*size, units)), np.empty((*size, units))
        self._to_state, self._to_memory = np.zeros((size[0], batch, units)), np.zeros((size[0], batch, units))
        half = np.repeat([0.5, 0.5, 1.0, 0.5], units)
        self._half, self._raise = half, np.where(half == 1, 0, 0.5)

    def advance(self, step: int, inputs: Floats) -> Floats:
        """Return the state of the top layer behind this step, (batch, units), for inputs (batch, units)."""
        units = self._units
        for layer, (kernel, offset) in enumerate(zip(self._kernels, self._offsets, strict=True)):
            before = self._inputs[layer, step]
            before[:, :units] = inputs
            # sigmoid(x) = (1 + tanh(x / 2)) / 2
            gates = self._gates[layer, step] = np.tanh((before @ kernel + offset) * self._half) * self._half + self._raise
            i, f, g, o = _quarters(gates)
            memory = i * g if step == 0 else f * self._memories[layer, step - 1] + i * g
            self._memories[layer, step] = memory
            signal = self._signals[layer, step] = np.tanh(memory)
            inputs = o * signal
            if step + 1 < self._inputs.shape[1]:
                self._inputs[layer, step + 1, :, units:] = inputs
        return inputs

    def retreat(self, step: int, slope: Floats) -> Floats:
        """Return the gradient for the inputs of this step, (batch, units), by that for the top state behind it.

        Steps are given from the last to the first.
        """
        units = self._units
        for layer in reversed(range(len(self._kernels))):
            i, f, g, o = _quarters(self._gates[layer, step])
            signal, earlier = self._signals[layer, step], self._memories[layer, step - 1] if step else 0.0
            to_state = slope + self._to_state[layer]
            to_memory = self._to_memory[layer] + to_state * o * (1 - signal**2)
            of_gates = self._slopes[layer, step]
            of_gates[:, :units] = to_memory * g * i * (1 - i)
            of_gates[:, units : 2 * units] = to_memory * earlier * f * (1 - f)
            of_gates[:, 2 * units : 3 * units] = to_memory * i * (1 - g**2)
            of_gates[:, 3 * units :] = to_state * signal * o * (1 - o)
            back = of_gates @ self._kernels[layer].T
            slope, self._to_state[layer], self._to_memory[layer] = back[:, :units], back[:, units:], to_memory * f
        return slope

    def gradient(self) -> Parameters:
        """Return the gradient of the parameters, behind all steps back."""
        found: Parameters = {}
        for layer in range(len(self._kernels)):
            slopes = self._slopes[layer].reshape(-1, 4 * self._units)
            found[f"kernel {layer}"] = self._inputs[layer].reshape(len(slopes), -1).T @ slopes
            found[f"offset {layer}"] = slopes.sum(0)
        return found


def _layers(parameters: Parameters) -> int:
    return sum(name.startswith("kernel ") for name in parameters)


def _quarters(gates: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    units = gates.shape[1] // 4
    return gates[:, :units], gates[:, units : 2 * units], gates[:, 2 * units : 3 * units], gates[:, 3 * units :]

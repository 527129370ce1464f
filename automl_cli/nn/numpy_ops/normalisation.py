"""Batch norm, optionally with ReLU behind it: `ops.normalisation` by NumPy.

The variance is the mean square of the centred input: more exact than the programs' difference of two means, for one pass more.
Passes over a map are few and long: what is per channel is repeated for all examples of a batch, so that the innermost loop of a
pass is over a row of examples; and the positive part of y is y / 2 + |y / 2|, in half the time of a maximum and exact, unless y
is infinite or too small for all its digits.

    y = relu(a (x - mean) + offset),    a = scale / sqrt(variance + e)
    dx = a u - a (mean of u) - a (x - mean) (mean of u (x - mean)) / (variance + e),    u = dy where y > 0
"""

from functools import lru_cache
from typing import Any

import numpy as np

from automl_cli.nn.numpy_ops.operation import Arrays, Inputs
from automl_cli.nn.ops.normalisation import EPSILON, STATISTICS_MOMENTUM


class Norm:
    """Operation: x (height, width, batch, channels) -> the same shape.

    Parameters are `scale` and `offset`, side inputs the running mean and variance, (channels,) each, whose new values are the
    by-products; there may be more, which are not read.
    """

    def __init__(self, *, relu: bool) -> None:
        self._relu = relu

    def forward(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> tuple[np.ndarray, Inputs | None, Any]:
        """Return the output, the running statistics after the step, and the centred input with its factors."""
        (x,), examples = inputs, inputs[0].size // inputs[0].shape[-1]
        mean = sums(x) / examples
        (means,) = _repeated(x.shape, mean)
        centred = x - means
        spare = np.square(centred)
        variance = sums(spare) / examples
        inverse_deviation = 1 / np.sqrt(variance + EPSILON)
        factor = parameters["scale"] * inverse_deviation
        y = self._affine(centred, factor, parameters["offset"], spare)
        statistics = tuple(_moved(*pair) for pair in zip(side_inputs, (mean, variance), strict=False))
        return y, statistics, (centred, inverse_deviation, factor)

    def _affine(self, x: np.ndarray, factor: np.ndarray, shift: np.ndarray, result: np.ndarray | None) -> np.ndarray:
        """Return x times a factor plus a shift, (channels,) each, or the positive part of that, in the array `result`."""
        factors, shifts = _repeated(x.shape, factor, shift)
        if self._relu:
            factors, shifts = factors / 2, shifts / 2
        y = np.multiply(x, factors, out=result)
        y += shifts
        if self._relu:
            y += np.abs(y)
        return y

    def backward(
        self, parameters: Arrays, saved: Any, output: np.ndarray, gradient: np.ndarray, parameter_gradients: Arrays
    ) -> list[np.ndarray]:
        """Return the gradient of the input."""
        centred, inverse_deviation, factor = saved
        examples = centred.size // centred.shape[-1]
        active = gradient * (output > 0) if self._relu else gradient.copy()
        products = active * centred
        total, scale_gradient = sums(active), sums(products) * inverse_deviation
        slope = -factor * inverse_deviation * scale_gradient / examples
        factors, slopes, shifts = _repeated(centred.shape, factor, slope, -factor * total / examples)
        active *= factors
        active += np.multiply(centred, slopes, out=products)
        active += shifts
        parameter_gradients["scale"][...] = scale_gradient
        parameter_gradients["offset"][...] = total
        return [active]

    def evaluate(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> np.ndarray:
        """Return the output, normalised by the running statistics."""
        mean, variance = map(np.asarray, side_inputs[:2])
        factor = parameters["scale"] / np.sqrt(variance + EPSILON)
        return self._affine(inputs[0], factor, parameters["offset"] - mean * factor, None)


def _repeated(shape: tuple[int, ...], *of_channels: np.ndarray) -> np.ndarray:
    """Return (channels,) arrays for all examples: (number of them, batch, channels)."""
    found = np.empty((len(of_channels), *shape[2:]), np.float32)
    for repeated, array in zip(found, of_channels, strict=True):
        repeated[...] = array
    return found


def sums(x: np.ndarray) -> np.ndarray:
    """Return the sum over all axes but the last: (…, channels) -> (channels,).

    A product with ones is faster than NumPy's sum. It is taken over the positions of a map first, then over its examples: one
    over both would add up thousands of numbers in a row, and their rounding errors.
    """
    if x.ndim > 2:
        of_examples = x.reshape(-1, x.shape[-2] * x.shape[-1])
        x = (_ones(len(of_examples)) @ of_examples).reshape(x.shape[-2:])
    return _ones(len(x)) @ x


@lru_cache(64)
def _ones(count: int) -> np.ndarray:
    return np.ones(count, np.float32)


def _moved(old: Any, new: np.ndarray) -> np.ndarray:
    return STATISTICS_MOMENTUM * np.asarray(old) + (1 - STATISTICS_MOMENTUM) * new

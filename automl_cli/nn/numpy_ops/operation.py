"""The interface of an operation that NumPy computes, forward and backward."""

from collections.abc import Mapping
from math import prod
from typing import Any, Protocol

import numpy as np

Arrays = Mapping[str, np.ndarray]
"""Parameters of an operation, or their gradients, by name."""

Inputs = tuple[Any, ...]

LINE = 16
"""Floats of a line of the cache."""

LARGE = 2**15
"""Numbers of a map that takes longer to copy than to align."""


class NumpyOperation(Protocol):
    """An operation as two functions. `parameters` are by name, `inputs` arrays that have a gradient, `side_inputs` those that
    have none (`engines.library` says for each operation what they are)."""

    def forward(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> tuple[np.ndarray, Inputs | None, Any]:
        """Return the output, the by-products, such as new running statistics, and what `backward` needs. No argument is
        changed, and none may be changed before `backward` is done."""
        ...

    def backward(
        self, parameters: Arrays, saved: Any, output: np.ndarray, gradient: np.ndarray, parameter_gradients: Arrays
    ) -> list[np.ndarray]:
        """Write the gradients of the parameters into `parameter_gradients`; return those of the inputs."""
        ...

    def evaluate(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> np.ndarray:
        """Return the output in evaluation mode."""
        ...


def padded(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Zero-pad x (height, width, batch, channels) evenly to a size; an odd pixel goes to the bottom and right."""
    if x.shape[:2] == size:
        return x
    whole = zeros((*size, *x.shape[2:]))
    inside(whole, x.shape)[...] = x
    return whole


def inside(whole: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the part of a padded map that is not padding, a view; `shape` is that of the map before."""
    top, left = ((to - of) // 2 for to, of in zip(whole.shape[:2], shape, strict=False))
    return whole[top : top + shape[0], left : left + shape[1]]


def apart(x: np.ndarray, shape: tuple[int, ...], stride: tuple[int, int]) -> np.ndarray:
    """Return a map of this shape that holds x at every `stride`-th row and column, and zeros elsewhere."""
    if stride == (1, 1):
        return x
    whole = zeros(shape)
    whole[:: stride[0], :: stride[1]] = x
    return whole


def aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Return an uninitialised array. A large one begins a line of the cache, so that a compiled program reads it without a
    copy."""
    if (count := prod(shape)) < LARGE:
        return np.empty(shape, np.float32)
    memory = np.empty(count + LINE, np.float32)
    start = -memory.ctypes.data // memory.itemsize % LINE
    return memory[start : start + count].reshape(shape)


def zeros(shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of zeros that is aligned like that of `aligned`."""
    array = aligned(shape)
    array[...] = 0
    return array

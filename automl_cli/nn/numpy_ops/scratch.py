"""Arrays between the steps of a convolution, which all its chunks use in turn."""

from typing import NamedTuple

import numpy as np

ALIASED = 1024
"""Floats of a memory page. Rows whose length is a multiple of it fall into one set of the nearest cache and evict each
other."""


class Between(NamedTuple):
    """What is transformed along the height only: an array (height, width, columns), and the memory that it is part of."""

    array: np.ndarray
    memory: np.ndarray

    def windows(self, count: int, step: int, length: int) -> np.ndarray:
        """Return windows along the width, (height, count, length, columns), a view."""
        height, _, columns = self.array.shape
        across, along, each = self.array.strides
        return np.ndarray((height, count, length, columns), np.float32, self.memory, 0, (across, step * along, along, each))


class Scratch:
    """Arrays of one call that all its chunks use."""

    nothing = np.empty(0, np.float32)
    """In place of an array that is not needed."""

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def __call__(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return the array of a name and shape."""
        found = self._arrays.get((name, shape))
        if found is None:
            found = self._arrays[name, shape] = np.empty(shape, np.float32)
        return found

    def between(self, height: int, width: int, columns: int) -> Between:
        """Return an array (height, width, columns), whose rows do not evict each other."""
        memory = self("between", (height, width, columns + 16 * (columns % ALIASED == 0)))
        return Between(memory[:, :, :columns], memory)

"""Arrays between the steps of a convolution, which all its chunks use in turn."""

from typing import NamedTuple

import numpy as np

ALIASED = 1024
"""Floats of a memory page. Rows whose length is a multiple of it fall into one set of the nearest cache and evict each
other."""


class Strip(NamedTuple):
    """Maps that are transformed along the height only, an array (height, width, columns), and the memory that it is part of."""

    array: np.ndarray
    memory: np.ndarray

    def windows(self, rows: slice, count: int, step: int, length: int) -> np.ndarray:
        """Return windows along the width of some rows, (rows, count, length, columns), a view."""
        across, along, each = self.array.strides
        shape = rows.stop - rows.start, count, length, self.array.shape[2]
        return np.ndarray(shape, np.float32, self.memory, rows.start * across, (across, step * along, along, each))


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

    def strip(self, name: str, height: int, width: int, columns: int) -> Strip:
        """Return an array (height, width, columns), whose rows do not evict each other."""
        memory = self(name, (height, width, columns + 16 * (columns % ALIASED == 0)))
        return Strip(memory[:, :, :columns], memory)

"""Pages: flat arrays that together hold one number for every parameter of a network.

So an optimizer is one program over pages, whatever the network. Compiled blocks read pages of JAX and hand gradient pages on;
blocks of NumPy read them through views, and write into gradient pages of their own.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

PAGE = 2**18
"""Floats of a page, unless a single block needs more. Compiled blocks are compiled for one size of it."""

PART, PARTS = 2**15, 8
"""A page that no program but the update reads is a multiple of so many floats, and a large one a multiple of an eighth to a
quarter of itself. More sizes would need more programs for the update; larger steps would leave more of a page empty."""

ALIGNMENT = 64
"""Bytes to which JAX wants the memory of an array to be aligned; it copies any other before a program reads it."""

NOTHING = np.float32(0)
"""Placeholder for the page and offset of a block without parameters."""


class Pages(NamedTuple):
    """The same pages, (page size,) each, for compiled blocks and for those of NumPy."""

    compiled: Sequence[Any]
    numpy: Sequence[np.ndarray]


class Allocation:
    """Places of parameters in pages, one block after the other."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._fill = PAGE

    def place(self, size: int) -> tuple[int, int]:
        """Return the page and the offset of newly allocated parameters."""
        if not size:
            return 0, 0
        if self._fill + size > PAGE:
            self._sizes.append(max(PAGE, size))
            self._fill = 0
        start = self._fill
        self._fill += size
        return len(self._sizes) - 1, start

    def sizes(self, *, tight: bool) -> tuple[int, ...]:
        """Return the sizes of the pages; with `tight` the last one is as long as what it holds."""
        return (*self._sizes[:-1], self._fill) if tight else tuple(self._sizes)


def offsets_in_one_page(sizes: Iterable[int]) -> tuple[list[int], int]:
    """Return the offsets of parameters of these sizes in a single page, and its size (`PART`)."""
    fill, offsets = 0, []
    for size in sizes:
        offsets.append(fill)
        fill += size
    step = PART
    while fill > PARTS * step:
        step *= 2
    return offsets, -(-fill // step) * step


def zeros(size: int) -> np.ndarray:
    """Return an array of zeros, (size,) float32, that programs read where it is."""
    memory = np.zeros(size * 4 + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size * 4].view(np.float32)

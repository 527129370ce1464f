"""A block that NumPy computes: an operation of `nn.numpy_ops` in place of the programs of a compiled block."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from automl_cli.nn.numpy_ops.operation import Arrays, NumpyOperation


class NumpyBlock:
    """One operation, with the methods of a compiled block (`engines.compiled_block`), whose pages are arrays of NumPy.

    `shapes` are the shapes of the parameters by name, in the order in which they stand in a page.
    """

    adds_gradients = True

    def __init__(self, name: str, operation: NumpyOperation, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.name = name
        self.shapes = dict(shapes)
        ends = list(accumulate(map(prod, shapes.values())))
        self.size = ends[-1] if ends else 0
        self._places = list(zip(shapes, [0, *ends], ends, shapes.values(), strict=False))
        self._operation = operation

    def for_one_call(self) -> "NumpyBlock":
        """Return the block, which looks nothing up."""
        return self

    def forward(
        self, page: np.ndarray, offset: int, operands: Any, side_inputs: tuple[Any, ...]
    ) -> tuple[np.ndarray, Any, Any]:
        """Return output, by-products, and what `backward` needs besides them."""
        return self._operation.forward(self._read(page, offset), tuple(map(total, operands)), side_inputs)

    def backward(
        self,
        page: np.ndarray,
        offset: int,
        operands: Any,
        side_inputs: tuple[Any, ...],
        output: np.ndarray,
        saved: Any,
        gradients: Sequence[Any],
        gradient_page: np.ndarray,
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Return the gradients of the inputs, and the gradient page, into which those of the parameters are written."""
        written = self._read(gradient_page, offset)
        return self._operation.backward(self._read(page, offset), saved, output, total(gradients), written), gradient_page

    def evaluate(self, page: np.ndarray, offset: int, operands: Any, side_inputs: tuple[Any, ...]) -> np.ndarray:
        """Return the output in evaluation mode."""
        return self._operation.evaluate(self._read(page, offset), tuple(map(total, operands)), side_inputs)

    def _read(self, page: np.ndarray, offset: int) -> Arrays:
        """Return the parameters in a page by name, as views of it."""
        return {name: page[offset + start : offset + stop].reshape(shape) for name, start, stop, shape in self._places}


def total(arrays: Sequence[Any]) -> np.ndarray:
    """Return the sum of arrays (batch, …) of one shape, as an array of NumPy; of a single one itself."""
    first, *others = map(np.asarray, arrays)
    if not others:
        return first
    result = first + others[0]
    for array in others[1:]:
        result += array
    return result

"""The linear map of a convolution unit by NumPy, in the form that takes the fewest multiply-adds."""

from itertools import accumulate
from math import prod
from typing import Any, Protocol

import numpy as np

from automl_cli.nn.numpy_ops.fourier import Fourier2d, FourierAlongHeight, FourierAlongWidth
from automl_cli.nn.numpy_ops.operation import Arrays, Inputs, inside, padded
from automl_cli.nn.numpy_ops.patches import OfImages, Patches, Pointwise
from automl_cli.nn.ops import native
from automl_cli.nn.ops.timing_model import Case, features
from automl_cli.values.operations import ConvolutionUnit

Pair = tuple[int, int]


class Form(Protocol):
    """A way to compute a convolution with "half" padding and its gradients."""

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution of x (height, width, batch, channels), and what `backward` needs."""
        ...

    def backward(self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool) -> np.ndarray | None:
        """Write the gradient of the kernel, (k, l, channels, filters), except for taps that never meet the map; return that of
        the input if it is asked for."""
        ...


FEW_CHANNELS = 4
"""Channels of a map without a gradient, up to which its windows are columns."""

COPIED = 11
"""Multiply-adds that take as long as copying one number of a window forward and adding it up backward."""


class Convolution:
    """Operation: maps (height, width, batch, channels), whose concatenation is zero-padded to `size` -> (outputs, outputs,
    batch, filters).

    The parameter is `kernel`. Where `are_examples`, the map is the training examples, the only side input, and has no gradient.
    """

    def __init__(self, unit: ConvolutionUnit, channels: tuple[int, ...], are_examples: tuple[bool, ...], size: Pair) -> None:
        self.unit, self.size = unit, size
        self._are_examples = are_examples
        ends = list(accumulate(channels))
        self._parts = [slice(end - count, end) for end, count in zip(ends, channels, strict=True)]
        self._near = tuple(_middle(*axis) for axis in zip(size, unit.kernel, strict=True))
        """The middle of the kernel, which holds all taps that meet the map in any window: fewer frequencies."""
        sides = tuple(len(range(side)[part]) for side, part in zip(unit.kernel, self._near, strict=True))
        kernel = (sides[0], sides[1], ends[-1], unit.filters)
        self._form = _fastest(size, kernel, unit.stride, of_input=not all(are_examples))

    @property
    def form(self) -> str:
        """Return the name of the form that it takes."""
        return type(self._form).__name__

    @staticmethod
    def computes(unit: Any) -> bool:
        """Return whether the linear map of a unit is of the kind that this operation computes."""
        return isinstance(unit, ConvolutionUnit) and unit.padding == "half" and unit.dilation == 1

    def forward(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> tuple[np.ndarray, Inputs | None, Any]:
        """Return the output, None, and what the form saves."""
        maps, examples = iter(inputs), iter(side_inputs)
        joined = [np.asarray(next(examples if is_example else maps)) for is_example in self._are_examples]
        whole = [padded(x, self.size) for x in joined]
        x = whole[0] if len(whole) == 1 else np.concatenate(whole, axis=3)
        y, saved = self._form.forward(x, parameters["kernel"][self._near])
        return y, None, (saved, [x.shape for x in joined])

    def backward(
        self, parameters: Arrays, saved: Any, output: np.ndarray, gradient: np.ndarray, parameter_gradients: Arrays
    ) -> list[np.ndarray]:
        """Return the gradients of the maps that are not the examples."""
        of_form, shapes = saved
        of_input, kernel_gradient = not all(self._are_examples), parameter_gradients["kernel"][self._near]
        x_gradient = self._form.backward(of_form, gradient, kernel_gradient, of_input=of_input)
        if x_gradient is None:
            return []
        each = zip(self._parts, shapes, self._are_examples, strict=True)
        return [inside(x_gradient[..., part], shape) for part, shape, is_example in each if not is_example]

    def evaluate(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> np.ndarray:
        """Return the output."""
        return self.forward(parameters, inputs, side_inputs)[0]


def _fastest(size: Pair, kernel: tuple[int, int, int, int], stride: Pair, *, of_input: bool) -> Form:
    """Return the form that takes the fewest multiply-adds for a map with a gradient, or without one."""
    rows, columns, channels, filters = kernel
    if not of_input and channels <= FEW_CHANNELS:
        return OfImages(size, (rows, columns), stride)
    if (rows, columns) == (1, 1):
        return Pointwise(stride)
    name = "dft_1d" if 1 in (rows, columns) else "dft_2d"
    case = Case((*size, 1, channels), kernel, stride, native.half(kernel))
    products, transforms, *_ = features(case, name)[name]
    windows = prod(case.outputs) * case.taps * channels
    if windows * (3 * filters + COPIED) <= products + transforms:
        return Patches(size, (rows, columns), stride)
    if name == "dft_2d":
        return Fourier2d(size, (rows, columns), stride)
    return (FourierAlongHeight if columns == 1 else FourierAlongWidth)(size, (rows, columns), stride)


def _middle(size: int, side: int) -> slice:
    """Return the taps at most `size` - 1 positions from the middle one."""
    cut = max(0, side // 2 - size + 1)
    return slice(cut, side - max(0, side - 1 - side // 2 - size + 1))

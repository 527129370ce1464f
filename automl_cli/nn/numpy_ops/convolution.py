"""The linear map of a convolution unit by NumPy, in the form that costs the least."""

from collections.abc import Sequence
from math import prod
from typing import Any, Protocol

import numpy as np

from automl_cli.nn.numpy_ops.fourier import Fourier2d
from automl_cli.nn.numpy_ops.fourier_1d import Fourier1d
from automl_cli.nn.numpy_ops.operation import LARGE, Arrays, Inputs, aligned, inside, padded
from automl_cli.nn.numpy_ops.taps import OfImages, Taps, parts_of
from automl_cli.values.operations import ConvolutionUnit

Pair = tuple[int, int]


FEW_CHANNELS = 4
"""Channels of a map without a gradient, up to which its windows are columns."""

COPIED = 20
"""Multiply-adds that take as long as copying a number of a map into a concatenation, and its gradient back."""


class Form(Protocol):
    """A way to compute a convolution with "half" padding, and its gradients."""

    def forward(self, maps: Sequence[np.ndarray], kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution of the concatenation of maps (height, width, batch, channels), each zero-padded evenly, and
        what `backward` needs."""
        ...

    def backward(
        self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, wanted: Sequence[bool]
    ) -> list[np.ndarray]:
        """Write the gradient of the kernel, (k, l, channels, filters); return those of the maps that are wanted."""
        ...

    def cost(self, channels: Sequence[int], filters: int, wanted: Sequence[bool]) -> float:
        """Return what value and gradients of an example take: multiply-adds, and whatever takes as long as one."""
        ...


class FormOfOneMap(Protocol):
    """A form for a single map that has its size."""

    def forward(self, x: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution of x (height, width, batch, channels), and what `backward` needs."""
        ...

    def backward(self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, *, of_input: bool) -> np.ndarray | None:
        """Write the gradient of the kernel, (k, l, channels, filters); return that of the input if it is asked for."""
        ...

    def cost(self, channels: int, filters: int, *, of_input: bool) -> float:
        """Return the cost as in `Form`."""
        ...


class Joined:
    """A form of maps that are padded and concatenated for a form of one map."""

    def __init__(self, form: FormOfOneMap, size: Pair) -> None:
        self.form, self._size = form, size

    def cost(self, channels: Sequence[int], filters: int, wanted: Sequence[bool]) -> float:
        """See `Form`."""
        copied = COPIED * prod(self._size) * sum(channels) if len(channels) > 1 else 0
        return copied + self.form.cost(sum(channels), filters, of_input=any(wanted))

    def forward(self, maps: Sequence[np.ndarray], kernel: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the convolution, what the form needs, and the maps."""
        y, saved = self.form.forward(self._joined(maps), kernel)
        return y, (saved, maps)

    def _joined(self, maps: Sequence[np.ndarray]) -> np.ndarray:
        """Return the concatenation of the maps. Copies into its parts are faster than NumPy's own."""
        if len(maps) == 1:
            return padded(maps[0], self._size)
        parts = parts_of(maps)
        whole = aligned((*self._size, maps[0].shape[2], parts[-1].stop))
        for x, part in zip(maps, parts, strict=True):
            if x.shape[:2] != self._size:
                whole[..., part] = 0
            inside(whole[..., part], x.shape)[...] = x
        return whole

    def backward(
        self, saved: Any, gradient: np.ndarray, kernel_gradient: np.ndarray, wanted: Sequence[bool]
    ) -> list[np.ndarray]:
        """Write the gradient of the kernel; return those of the maps that are wanted."""
        of_form, maps = saved
        x_gradient = self.form.backward(of_form, gradient, kernel_gradient, of_input=any(wanted))
        if x_gradient is None:
            return []
        each = zip(maps, parts_of(maps), wanted, strict=True)
        parts = [inside(x_gradient[..., part], x.shape) for x, part, is_wanted in each if is_wanted]
        return [_for_programs(part) if part.size >= LARGE else part for part in parts]


class Convolution:
    """Operation: maps (height, width, batch, channels), whose concatenation is zero-padded to `size` -> (outputs, outputs,
    batch, filters).

    The parameter is `kernel`. Where `are_examples`, the map is the training examples, the only side input, and has no gradient.
    """

    def __init__(
        self, unit: ConvolutionUnit, channels: tuple[int, ...], sizes: tuple[Pair, ...], are_examples: tuple[bool, ...]
    ) -> None:
        self.unit = unit
        self._are_examples = are_examples
        self._wanted = tuple(not is_example for is_example in are_examples)
        height, width = (max(lengths) for lengths in zip(*sizes, strict=True))
        self.size = height, width
        self._near = tuple(_middle(*axis) for axis in zip(self.size, unit.kernel, strict=True))
        """The middle of the kernel, which holds all taps that meet the map in any window: fewer frequencies."""
        rows, columns = (len(range(side)[part]) for side, part in zip(unit.kernel, self._near, strict=True))
        given = self.size, (rows, columns), unit.stride
        forms: list[Form] = [Taps(sizes, *given)]
        if (rows, columns) != (1, 1):
            forms.append(Joined(Fourier1d(*given) if 1 in (rows, columns) else Fourier2d(*given), self.size))
        if not any(self._wanted) and sum(channels) <= FEW_CHANNELS:
            forms.append(Joined(OfImages(*given), self.size))
        self._form = min(forms, key=lambda form: form.cost(channels, unit.filters, self._wanted))

    @property
    def form(self) -> str:
        """Return the name of the form that it takes."""
        return type(self._form.form if isinstance(self._form, Joined) else self._form).__name__

    def forward(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> tuple[np.ndarray, Inputs | None, Any]:
        """Return the output, None, and what the form saves."""
        own, examples = iter(inputs), iter(side_inputs)
        maps = [np.ascontiguousarray(next(examples if is_example else own)) for is_example in self._are_examples]
        y, saved = self._form.forward(maps, parameters["kernel"][self._near])
        return y, None, saved

    def backward(
        self, parameters: Arrays, saved: Any, output: np.ndarray, gradient: np.ndarray, parameter_gradients: Arrays
    ) -> list[np.ndarray]:
        """Return the gradients of the maps that are not the examples."""
        kernel_gradient = parameter_gradients["kernel"][self._near]
        return self._form.backward(saved, np.ascontiguousarray(gradient), kernel_gradient, self._wanted)

    def evaluate(self, parameters: Arrays, inputs: Inputs, side_inputs: Inputs) -> np.ndarray:
        """Return the output."""
        return self.forward(parameters, inputs, side_inputs)[0]


def _for_programs(part: np.ndarray) -> np.ndarray:
    """Return a part of an array as one that programs read without a copy."""
    if part.flags.c_contiguous:
        return part
    copied = aligned(part.shape)
    copied[...] = part
    return copied


def _middle(size: int, side: int) -> slice:
    """Return the taps at most `size` - 1 positions from the middle one."""
    cut = max(0, side // 2 - size + 1)
    return slice(cut, side - max(0, side - 1 - side // 2 - size + 1))

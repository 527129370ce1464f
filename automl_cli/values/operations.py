"""The operations of a network's blocks as plain data, with the output shape and the costs of each.

Except with "valid", an output has ceil(size / stride) rows and columns, wherever the zeros lie. `padding` says where they lie;
the programs that compute the operations use it as well.

Every operation has `output_shape(shape)` and `costs(shape)`, the exact trainable parameters and the multiply-adds of its
convolutions; all else counts nothing. "bn" is batch norm with a trained scale and offset per channel; "act" is the child's
activation function, ReLU unless a training says otherwise.
"""

from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import SpaceError
from automl_cli.core.trials import Costs

Shape = tuple[int, int, int]
"""(height, width, channels) of one example."""

Padding = Literal["half", "same", "valid"]
"""half: k // 2 zeros in front, (k - 1) // 2 behind. same: the fewest that give ceil(size / stride) outputs, split evenly, the
odd one at the bottom and right. valid: none. For odd kernels at stride 1, half and same are one."""

Order = Literal["conv-bn-act", "act-conv-bn", "conv-bn", "conv"]
"""What stands around a convolution, in order."""


class ConvolutionUnit(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="convolution"):
    """A convolution without bias, batch norm, and an activation after it, before it, or none; or the convolution alone."""

    kernel: tuple[int, int]
    filters: int
    stride: tuple[int, int] = (1, 1)
    order: Order = "conv-bn-act"
    dilation: int = 1
    padding: Padding = "half"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        return _windows(shape, reach(self.kernel, self.dilation), self.stride, self.padding, self.filters)

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        height, width, _ = self.output_shape(shape)
        weights = self.kernel[0] * self.kernel[1] * shape[2] * self.filters
        normalisation = 0 if self.order == "conv" else 2 * self.filters
        return Costs(parameters=weights + normalisation, multiply_adds=weights * height * width)


class SeparableUnit(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="separable"):
    """Activation, one k x k convolution per channel, a 1 x 1 convolution, batch norm; "same" padding, no biases, and nothing
    between the two convolutions (NASNet, arXiv 1707.07012, appendix A.4)."""

    kernel: int
    filters: int
    stride: int = 1
    dilation: int = 1

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        kernel = reach((self.kernel, self.kernel), self.dilation)
        return _windows(shape, kernel, (self.stride, self.stride), "same", self.filters)

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        height, width, _ = self.output_shape(shape)
        weights = (self.kernel**2 + self.filters) * shape[2]
        return Costs(parameters=weights + 2 * self.filters, multiply_adds=weights * height * width)


class FactorizedReduction(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="factorized-reduction"):
    """Halves the size by two paths, which together read every second pixel in both directions, and all channels.

    Path one takes the pixels at even rows and columns, path two those at odd ones (zeros where the image ends). Each has a
    1 x 1 convolution to half the filters, an odd filter going to path two; both are concatenated and normalised.
    """

    filters: int
    order: Literal["act-conv-bn", "conv-bn"] = "conv-bn"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        return _windows(shape, (1, 1), (2, 2), "same", self.filters)

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        height, width, _ = self.output_shape(shape)
        weights = shape[2] * self.filters
        return Costs(parameters=weights + 2 * self.filters, multiply_adds=weights * height * width)


class MaxPool(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="max-pool"):
    """Maximum over windows with "same" padding, which never wins."""

    window: tuple[int, int]
    stride: tuple[int, int]

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        return _windows(shape, self.window, self.stride, "same", shape[2])

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        return Costs(parameters=0, multiply_adds=0)


class AveragePool(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="average-pool"):
    """Mean over windows; padding is not counted."""

    window: tuple[int, int]
    stride: tuple[int, int]
    padding: Literal["same", "valid"] = "same"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        return _windows(shape, self.window, self.stride, self.padding, shape[2])

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        return Costs(parameters=0, multiply_adds=0)


class Normalisation(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="normalisation"):
    """Batch norm of what no convolution stands directly before, with an activation behind it, or none."""

    order: Literal["bn-act", "bn"] = "bn-act"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        return shape

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        return Costs(parameters=2 * shape[2], multiply_adds=0)


class Subsampling(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="subsampling"):
    """Every `stride`-th pixel in both directions, from the first one on, and zeros in the channels that are missing to
    `filters`: a shortcut without weights between maps of different shape (ResNet, arXiv 1512.03385, section 3.3, option A)."""

    stride: int
    filters: int

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        if shape[2] > self.filters:
            raise SpaceError(f"subsampling to {self.filters} channels reads {shape[2]}; it can add channels, not remove them")
        return _windows(shape, (1, 1), (self.stride, self.stride), "same", self.filters)

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        return Costs(parameters=0, multiply_adds=0)


class ActivationOperation(Struct, frozen=True, forbid_unknown_fields=True, tag="activation"):
    """The child's activation function."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        return shape

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        return Costs(parameters=0, multiply_adds=0)


class Identity(Struct, frozen=True, forbid_unknown_fields=True, tag="identity"):
    """The join of the inputs itself."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for an input of this shape."""
        return shape

    def costs(self, shape: Shape) -> Costs:
        """Return the exact costs for an input of this shape."""
        return Costs(parameters=0, multiply_adds=0)


Operation = (
    ConvolutionUnit
    | SeparableUnit
    | FactorizedReduction
    | MaxPool
    | AveragePool
    | Normalisation
    | Subsampling
    | ActivationOperation
    | Identity
)


def reach(kernel: tuple[int, int], dilation: int) -> tuple[int, int]:
    """Return the height and width that a dilated kernel covers.

    >>> reach((3, 3), 2)
    (5, 5)
    """
    return (dilation * (kernel[0] - 1) + 1, dilation * (kernel[1] - 1) + 1)


def padding(size: int, window: int, stride: int, rule: Padding) -> tuple[int, int]:
    """Return how many zeros stand before and behind one axis. "half" may give more than the last window reaches; those are
    never read.

    >>> padding(8, 3, 2, "half"), padding(8, 3, 2, "same"), padding(7, 3, 2, "same"), padding(8, 3, 2, "valid")
    ((1, 1), (0, 1), (1, 1), (0, 0))
    """
    if rule == "half":
        return (window // 2, (window - 1) // 2)
    if rule == "valid":
        return (0, 0)
    total = max(0, (-(-size // stride) - 1) * stride + window - size)
    return (total // 2, total - total // 2)


def _windows(shape: Shape, window: tuple[int, int], stride: tuple[int, int], rule: Padding, channels: int) -> Shape:
    """Return the shape with one output per window. Raises SpaceError where a "valid" window does not fit."""
    if rule == "valid" and (window[0] > shape[0] or window[1] > shape[1]):
        raise SpaceError(f"a {window[0]} x {window[1]} window without padding does not fit a map of {shape[0]} x {shape[1]}")
    lost = (window[0] - 1, window[1] - 1) if rule == "valid" else (0, 0)
    height, width = (-(-(size - less) // step) for size, less, step in zip(shape[:2], lost, stride, strict=True))
    return (height, width, channels)

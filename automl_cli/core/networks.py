"""A convolutional network as plain data: a graph of blocks, each an operation with its parameters and its inputs.

One rule joins them: several inputs are zero-padded (evenly, the odd pixel at the bottom and right) to the largest height and
width among them and concatenated along depth, in the order listed (NAS, arXiv 1611.01578, section 3.3). The head is the same
for every network: the outputs, joined by that rule, go through global average pooling and one linear layer. The paper does not
say how the last tensor becomes class scores; this is DenseNet's way.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from automl_cli.core.errors import SpaceError
from automl_cli.core.trials import Costs

IMAGE = "image"
"""The name of the network's input."""

Shape = tuple[int, int, int]
"""(height, width, channels) of one example."""


class ConvolutionUnit(Struct, frozen=True, tag="convolution"):
    """Convolution without bias, batch norm, ReLU; zero padding k // 2 on every side, so stride 1 keeps height and width."""

    kernel: tuple[int, int]
    filters: int
    stride: tuple[int, int] = (1, 1)

    def output_shape(self, shape: Shape) -> Shape:
        height, width, _ = shape
        return (-(-height // self.stride[0]), -(-width // self.stride[1]), self.filters)

    def costs(self, shape: Shape) -> Costs:
        weights = self.kernel[0] * self.kernel[1] * shape[2] * self.filters
        height, width, _ = self.output_shape(shape)
        return Costs(parameters=weights + 2 * self.filters, multiply_adds=weights * height * width)


class MaxPool(Struct, frozen=True, tag="max-pool"):
    """Maximum over windows; a window that reaches over the bottom or right edge counts what lies inside."""

    window: tuple[int, int]
    stride: tuple[int, int]

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = shape
        return (-(-height // self.stride[0]), -(-width // self.stride[1]), channels)

    def costs(self, shape: Shape) -> Costs:
        return Costs(parameters=0, multiply_adds=0)


Operation = ConvolutionUnit | MaxPool


class Block(Struct, frozen=True):
    """One operation applied to the join of its inputs: names of earlier blocks, or `image`."""

    name: str
    operation: Operation
    inputs: tuple[str, ...]


class Network(Struct, frozen=True):
    """Blocks in an order in which each reads only what stands before it, and the outputs that go to the classifier.

    Raises SpaceError at construction when a name repeats or a block reads what does not exist yet.
    """

    blocks: tuple[Block, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        known = {IMAGE}
        for block in self.blocks:
            if block.name in known:
                raise SpaceError(f"two blocks of the network are named {block.name!r}; names must differ")
            _check_inputs(f"block {block.name!r}", block.inputs, known)
            known.add(block.name)
        _check_inputs("the classifier", self.outputs, known)

    def shapes(self, image: Shape) -> dict[str, Shape]:
        """Output shape of the image and of every block, by name."""
        shapes = {IMAGE: image}
        for block in self.blocks:
            shapes[block.name] = block.operation.output_shape(joined_shape(shapes[name] for name in block.inputs))
        return shapes

    def costs(self, image: Shape, classes: int) -> Costs:
        """Trainable parameters and multiply-adds for images of this shape, without building anything."""
        shapes = self.shapes(image)
        parts = list(self._block_costs(shapes))
        features = joined_shape(shapes[name] for name in self.outputs)[2]
        parts.append(Costs(parameters=(features + 1) * classes, multiply_adds=features * classes))
        return Costs(parameters=sum(p.parameters for p in parts), multiply_adds=sum(p.multiply_adds for p in parts))

    def _block_costs(self, shapes: dict[str, Shape]) -> Iterator[Costs]:
        for block in self.blocks:
            yield block.operation.costs(joined_shape(shapes[name] for name in block.inputs))


def joined_shape(shapes: Iterable[Shape]) -> Shape:
    """Shape of the join: largest height, largest width, sum of the channels.

    >>> joined_shape([(8, 8, 3), (4, 4, 24)])
    (8, 8, 27)
    """
    heights, widths, channels = zip(*shapes, strict=True)
    return (max(heights), max(widths), sum(channels))


def _check_inputs(reader: str, inputs: tuple[str, ...], known: set[str]) -> None:
    if not inputs:
        raise SpaceError(f"{reader} of the network reads nothing; it needs at least one input")
    if missing := [name for name in inputs if name not in known]:
        raise SpaceError(f"{reader} of the network reads {missing[0]!r}, which does not stand before it")

"""A convolutional network as plain data: a graph of blocks, each an operation with its parameters and its inputs.

Several inputs of a block are joined first, by one of two rules. "concatenate": they are zero-padded (evenly, the odd pixel at
the bottom and right) to the largest height and width among them and concatenated along depth, in the order listed (NAS, arXiv
1611.01578, section 3.3). "add": all have one shape and are summed (NASNet, arXiv 1707.07012, section 3).

The head is the same for every network: the outputs, concatenated by that rule, go through global average pooling and one linear
layer. NAS does not say how the last tensor becomes class scores; this is DenseNet's way, and NASNet's.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import SpaceError
from automl_cli.core.trials import Costs
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    MaxPool,
    Normalisation,
    Operation,
    Padding,
    SeparableUnit,
    Shape,
    Subsampling,
)

__all__ = [
    "IMAGE",
    "ActivationOperation",
    "AveragePool",
    "Block",
    "ConvolutionUnit",
    "FactorizedReduction",
    "Fan",
    "Identity",
    "Join",
    "MaxPool",
    "Network",
    "Normalisation",
    "Operation",
    "Padding",
    "SeparableUnit",
    "Shape",
    "Subsampling",
    "joined_shape",
]

IMAGE = "image"
"""The name of the network's input."""

Join = Literal["concatenate", "add"]

Fan = Literal["in", "out"]
"""The number that the variance of initial kernels is inverse to: weights into one output, or weights from one input."""


class Block(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One operation applied to the join of its inputs: names of earlier blocks, or `image`.

    `drop_path`, where given, says that a training with ScheduledDropPath may drop the output: it is the depth of the block's
    cell, above 0 at the first and 1 at the last (`values.cell.keep_probability`).
    """

    name: str
    operation: Operation
    inputs: tuple[str, ...]
    join: Join = "concatenate"
    drop_path: float | None = None

    def input_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        """Return the shape of the joined inputs, given the shapes of the earlier blocks."""
        return joined_shape((shapes[name] for name in self.inputs), self.join)

    def output_shape(self, shapes: Mapping[str, Shape]) -> Shape:
        """Return the shape of the output. Raises SpaceError naming the block where inputs cannot be added or a window does not
        fit."""
        try:
            return self.operation.output_shape(self.input_shape(shapes))
        except SpaceError as error:
            raise SpaceError(f"block {self.name!r} of the network: {error}") from error


class Network(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Blocks in an order in which each reads only what stands before it, and the outputs that go to the classifier.

    `auxiliary` are the blocks of a second head that only training uses, in the same order; its last output goes through global
    average pooling and a linear layer of its own. The costs of the network do not count it. `fan` says how kernels are drawn.

    Raises SpaceError at construction when a name repeats or a block reads what does not exist yet.
    """

    blocks: tuple[Block, ...]
    outputs: tuple[str, ...]
    auxiliary: tuple[Block, ...] = ()
    fan: Fan = "in"

    def __post_init__(self) -> None:
        known = {IMAGE}
        for block in (*self.blocks, *self.auxiliary):
            if block.name in known:
                raise SpaceError(f"two blocks of the network are named {block.name!r}; names must differ")
            _check_inputs(f"block {block.name!r}", block.inputs, known)
            known.add(block.name)
        _check_inputs("the classifier", self.outputs, known - {block.name for block in self.auxiliary})

    def shapes(self, image: Shape) -> dict[str, Shape]:
        """Return the output shapes of the image and of every block, by name. Raises SpaceError naming a block that does not
        fit."""
        return _extended({IMAGE: image}, self.blocks)

    def training_shapes(self, image: Shape) -> dict[str, Shape]:
        """Return what `shapes` does, with the blocks of the auxiliary head added."""
        return _extended(self.shapes(image), self.auxiliary)

    def costs(self, image: Shape, classes: int) -> Costs:
        """Count the trainable parameters and the multiply-adds for images of this shape, without building anything."""
        shapes = self.shapes(image)
        parts = [block.operation.costs(block.input_shape(shapes)) for block in self.blocks]
        features = joined_shape(shapes[name] for name in self.outputs)[2]
        parts.append(Costs(parameters=(features + 1) * classes, multiply_adds=features * classes))
        return Costs(parameters=sum(p.parameters for p in parts), multiply_adds=sum(p.multiply_adds for p in parts))

    def activated_channels(self, image: Shape) -> int:
        """Return on how many channels the activation function of the child acts, in all blocks together."""
        shapes = self.shapes(image)
        return sum(activated_channels(block.operation, block.input_shape(shapes)[2]) for block in self.blocks)


def activated_channels(operation: Operation, channels: int) -> int:
    """Return on how many channels the activation function acts in an operation that reads so many."""
    match operation:
        case ActivationOperation() | SeparableUnit():
            return channels
        case ConvolutionUnit(order=order, filters=filters) | FactorizedReduction(order=order, filters=filters):
            return {"act-conv-bn": channels, "conv-bn-act": filters}.get(order, 0)
        case Normalisation(order="bn-act"):
            return channels
    return 0


def joined_shape(shapes: Iterable[Shape], join: Join = "concatenate") -> Shape:
    """Return the shape of the join. Concatenated: largest height, largest width, sum of the channels. Added: the one shape of
    all.

    Raises SpaceError where shapes that are to be added differ.

    >>> joined_shape([(8, 8, 3), (4, 4, 24)])
    (8, 8, 27)
    """
    listed = list(shapes)
    if join == "add":
        if any(shape != listed[0] for shape in listed):
            raise SpaceError(f"inputs of shapes {', '.join(map(str, listed))} cannot be added; they must be equal")
        return listed[0]
    heights, widths, channels = zip(*listed, strict=True)
    return (max(heights), max(widths), sum(channels))


def _extended(shapes: dict[str, Shape], blocks: Iterable[Block]) -> dict[str, Shape]:
    for block in blocks:
        shapes[block.name] = block.output_shape(shapes)
    return shapes


def _check_inputs(reader: str, inputs: tuple[str, ...], known: set[str]) -> None:
    if not inputs:
        raise SpaceError(f"{reader} of the network reads nothing; it needs at least one input")
    if missing := [name for name in inputs if name not in known]:
        raise SpaceError(f"{reader} of the network reads {missing[0]!r}, which does not stand before it")

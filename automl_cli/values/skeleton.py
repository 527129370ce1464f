"""Stacks a pair of cells into a network: how often, how wide, and behind which stem (NASNet, arXiv 1707.07012).

    cifar      3x3 stem, N normal, reduction, N normal, reduction, N normal
    imagenet   3x3 stem of stride 2 without padding, two reduction cells with F/4 and F/2 filters, then as above

The filters double at every reduction. A final activation, global average pooling and one linear layer close the network. What
the paper leaves open follows the authors' released code, layer by layer, so that the published sizes come out exactly.

`6@768`: N = 6, and the last cell puts out 768 channels. A last normal cell concatenates k states of 4F filters, so
F = 768 / 4k; where 768 is no multiple of 4k, the default is rounded down and a width that is asked for is refused.
"""

import re
from typing import Literal

from msgspec import Struct

from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.numbers import counted
from automl_cli.values.cell import CELL_OPERATIONS, INPUT_STATES, Cell, CellPair, OperationContext, projection
from automl_cli.values.network import IMAGE, Block, Join, Network
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    Identity,
    Operation,
    Shape,
)

Skeleton = Literal["cifar", "imagenet"]

LARGE_IMAGES = 64
"""From this height on, images get ImageNet's skeleton."""
SMALL_IMAGES = 32
"""Below this height, the height of CIFAR's images, the published stacks are far larger than the task."""
WIDE = 2048
"""Where the last cells put out so many channels or more, an ImageNet stack is built and trained like the published large
networks (4032), else like the mobile one (1056). They put out a multiple of 4k: NASNet-A, with k = 6, 2040 or 2064."""
SMALLEST_AUXILIARY_MAP = 5
"""The auxiliary head starts with a 5 x 5 pool, so smaller maps have none."""

LARGEST_REPEATS, LARGEST_WIDTH = 1_000, 100_000
"""The largest N and P. Published networks have some tens of cells and put out some thousands of channels."""
LARGEST_FILTERS = LARGEST_WIDTH // 4
SMALLEST_FILTERS: dict[Skeleton, int] = {"cifar": 1, "imagenet": 4}
"""The smallest F. ImageNet's stem begins with F/4 filters."""


class Stack(Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers by which cells are stacked.

    `repeats` is N, `filters` F. `skip_reduction_input` is about the normal cell behind a reduction cell: if true, its previous
    input is not the input of the reduction but the state before that.
    """

    skeleton: Skeleton
    repeats: int
    filters: int
    stem_filters: int
    skip_reduction_input: bool = False

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("repeats", self.repeats, 1, LARGEST_REPEATS),
            ("filters", self.filters, SMALLEST_FILTERS[self.skeleton], LARGEST_FILTERS),
            ("stem_filters", self.stem_filters, 1, 3 * LARGEST_FILTERS),
        ):
            if not least <= value <= most:
                raise SpaceError(f"{name} of a stack of cells is {value}; it must be from {least} to {most:,}")

    @property
    def cells(self) -> int:
        """The number of cells, those of the stem included."""
        return 3 * self.repeats + (4 if self.skeleton == "imagenet" else 2)

    def written(self, cells: CellPair) -> str:
        """Return the stack as `N@P`, which `parse_stack` reads back."""
        return f"{self.repeats}@{self.width(cells)}"

    def width(self, cells: CellPair) -> int:
        """Return the number of channels that the last cell puts out."""
        return 4 * self.filters * len(cells.normal.outputs)


def skeleton_for(image: Shape) -> Skeleton:
    """Return CIFAR's skeleton for images below 64 pixels, ImageNet's from there on."""
    return "cifar" if image[0] < LARGE_IMAGES else "imagenet"


def stack(skeleton: Skeleton, *, repeats: int, filters: int, wide: bool = False) -> Stack:
    """Return a stack with the settings of the released code.

    The stem has 3F filters on CIFAR, on ImageNet 32, or 96 for wide networks, which also skip the input of a reduction.
    """
    if skeleton == "cifar":
        return Stack(skeleton, repeats, filters, 3 * filters, skip_reduction_input=False)
    return Stack(skeleton, repeats, filters, 96 if wide else 32, skip_reduction_input=wide)


def default_stack(image: Shape) -> str:
    """Return the paper's stack for images of this size: `6@768`, or for large images the mobile `4@1056`."""
    return "6@768" if skeleton_for(image) == "cifar" else "4@1056"


def parse_stack(text: str, cells: CellPair, image: Shape, *, filters: int | None = None) -> Stack:
    """Return the stack that `N@P` stands for with these cells and images; `filters` overrides what follows from P.

    Raises UserError, naming --stack or --filters, where either means nothing or the last cell cannot put out P channels. (The
    paper's 5@1538 is 5@1536, with 64 filters of six states.)
    """
    found = fitted_stack(text, cells, image, filters=filters)
    repeats, width = _repeats_and_width(text)
    if filters is None and width != (least := found.width(cells)):
        states, step = len(cells.normal.outputs), 4 * len(cells.normal.outputs)
        nearest = [f"--stack {repeats}@{near}" for near in (least, least + step) if near <= LARGEST_WIDTH]
        raise UserError(
            f"--stack {repeats}@{width} is no width of this cell: it puts out {counted(states, 'state')} of 4F channels, so P "
            f"must be a multiple of {step}; give {' or '.join(nearest)}"
        )
    return found


def fitted_stack(text: str, cells: CellPair, image: Shape, *, filters: int | None = None) -> Stack:
    """Return the stack of `N@P`, P rounded down to what the last cell can put out: for a P that was chosen before the cells.

    Raises UserError, naming --stack or --filters, where either means nothing.
    """
    repeats, width = _repeats_and_width(text)
    skeleton, states = skeleton_for(image), len(cells.normal.outputs)
    least = SMALLEST_FILTERS[skeleton]
    if filters is not None and not least <= filters <= LARGEST_FILTERS:
        raise UserError(f"--filters is {filters}; for images of this size it must be from {least} to {LARGEST_FILTERS:,}")
    found = width // (4 * states) if filters is None else filters
    if found < least:
        raise UserError(
            f"--stack {text} leaves {counted(found, 'filter')} for a cell of {states} output states, and {least} are needed "
            f"for images of this size; give at least --stack {repeats}@{4 * states * least}"
        )
    return stack(skeleton, repeats=repeats, filters=found, wide=4 * states * found >= WIDE)


def _repeats_and_width(text: str) -> tuple[int, int]:
    """Return N and P of a text `N@P`. Raises UserError where it is none."""
    match = re.fullmatch(r"\s*0*(\d{1,9})\s*@\s*0*(\d{1,9})\s*", text, re.ASCII)
    repeats, width = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= repeats <= LARGEST_REPEATS and 1 <= width <= LARGEST_WIDTH):
        raise UserError(
            f"--stack is {text!r}; it must be N@P, such as 6@768 or 4@1056: N repeats, 1 to {LARGEST_REPEATS:,}, and P "
            f"channels of the last cell, 1 to {LARGEST_WIDTH:,}"
        )
    return repeats, width


def cell_network(cells: CellPair, stack: Stack, image: Shape) -> Network:
    """Build the network for images of this shape.

    Its auxiliary head reads what the second reduction cell of the body reads, if that map is at least 5 x 5.
    """
    builder = _NetworkBuilder(cells, stack, image)
    builder.stem()
    for number in range(3 * stack.repeats):
        behind = builder.states[-2]
        if number in (stack.repeats, 2 * stack.repeats):
            builder.reduce(f"reduction{number // stack.repeats}", 2 ** (number // stack.repeats) * stack.filters)
        previous = behind if stack.skip_reduction_input else builder.states[-2]
        builder.normal(f"normal{number + 1}", 2 ** (number // stack.repeats) * stack.filters, previous)
        if number == 2 * stack.repeats - 1:
            builder.auxiliary_head()
    builder.add("final", ActivationOperation(), builder.states[-1])
    return Network(tuple(builder.blocks), ("final",), tuple(builder.auxiliary), fan="out")


class _NetworkBuilder:
    """Collects the blocks of a network and the shapes of what they put out."""

    def __init__(self, cells: CellPair, stack: Stack, image: Shape) -> None:
        self.blocks: list[Block] = []
        self.auxiliary: list[Block] = []
        self.states: list[str] = []
        """What the cells read: the outputs of the stem and of the cells so far."""
        self._cells = cells
        self._stack = stack
        self._shapes: dict[str, Shape] = {IMAGE: image}
        self._built = 0

    def add(
        self, name: str, operation: Operation, *inputs: str, join: Join = "concatenate", drop_path: float | None = None
    ) -> str:
        """Append a block and return its name."""
        block = Block(name, operation, inputs, join, drop_path)
        self._shapes[name] = block.output_shape(self._shapes)
        self.blocks.append(block)
        return name

    def stem(self) -> None:
        """Append the first convolution, which has no activation; on ImageNet also two reduction cells."""
        filters = self._stack.stem_filters
        if self._stack.skeleton == "cifar":
            unit = ConvolutionUnit((3, 3), filters, order="conv-bn", padding="same")
        else:
            unit = ConvolutionUnit((3, 3), filters, (2, 2), order="conv-bn", padding="valid")
        first = self.add("stem", unit, IMAGE)
        self.states += [first, first]
        if self._stack.skeleton == "imagenet":
            for number, share in enumerate((4, 2), start=1):
                self.reduce(f"stem-reduction{number}", self._stack.filters // share)

    def normal(self, name: str, filters: int, previous: str) -> None:
        self._cell(name, self._cells.normal, previous, filters, stride=1)

    def reduce(self, name: str, filters: int) -> None:
        self._cell(name, self._cells.reduction, self.states[-2], filters, stride=2)

    def auxiliary_head(self) -> None:
        """Append activation, 5 x 5 average pool, 128 and 768 filters, the latter over the whole map (released code)."""
        height, width, _ = self._shapes[self.states[-1]]
        if min(height, width) < SMALLEST_AUXILIARY_MAP:
            return
        pooled = ((height - 5) // 3 + 1, (width - 5) // 3 + 1)
        operations: tuple[Operation, ...] = (
            ActivationOperation(),
            AveragePool((5, 5), (3, 3), padding="valid"),
            ConvolutionUnit((1, 1), 128, padding="valid"),
            ConvolutionUnit(pooled, 768, padding="valid"),
        )
        source = self.states[-1]
        for number, operation in enumerate(operations, start=1):
            block = Block(f"auxiliary.{number}", operation, (source,))
            self.auxiliary.append(block)
            source = block.name

    def _cell(self, name: str, cell: Cell, previous: str, filters: int, *, stride: int) -> None:
        """Append one cell that reads the newest state and `previous`."""
        self._built += 1
        depth = self._built / self._stack.cells
        states = self._entry(name, cell, previous, filters)
        for number, combination in enumerate(cell.combinations, start=INPUT_STATES):
            ends = []
            for side, branch in (("left", combination.left), ("right", combination.right)):
                source = states[branch.state]
                step = stride if branch.state < INPUT_STATES else 1
                place = OperationContext(self._shapes[source][2], filters, step, self._cells.bottleneck)
                ends.append(self._branch(f"{name}.h{number}.{side}", branch.operation, source, place, depth))
            joined = Identity() if combination.join == "add" else projection(filters)
            states.append(self.add(f"{name}.h{number}", joined, *ends, join=combination.join))
        self.states.append(self._output(name, cell, states))

    def _entry(self, name: str, cell: Cell, previous: str, filters: int) -> list[str]:
        """Return h0 and h1. The very first cell has no previous output, so the current input, unchanged, takes its place."""
        current = self.states[-1]
        same_size = self._shapes[previous][:2] == self._shapes[current][:2]
        h0, h1 = current, previous
        if 0 in cell.needed:
            h0 = self.add(f"{name}.h0", projection(filters), current)
        if 1 in cell.needed and not same_size:
            h1 = self.add(f"{name}.h1", FactorizedReduction(filters, order="act-conv-bn"), previous)
        elif 1 in cell.needed and self._shapes[previous][2] != filters and previous != current:
            h1 = self.add(f"{name}.h1", projection(filters), previous)
        return [h0, h1]

    def _branch(self, name: str, operation: str, source: str, place: OperationContext, depth: float) -> str:
        """Append the chain of an operation and return its last block. Every chain but an identity may be dropped."""
        chain = CELL_OPERATIONS[operation](place)
        for number, part in enumerate(chain, start=1):
            droppable = number == len(chain) and operation != "identity"
            label = name if len(chain) == 1 else f"{name}.{number}"
            source = self.add(label, part, source, drop_path=depth if droppable else None)
        return source

    def _output(self, name: str, cell: Cell, states: list[str]) -> str:
        """Append the concatenation of the output states. States of another shape than the last one are first brought to its
        shape."""
        height, width, filters = self._shapes[states[-1]]
        parts = []
        for state in cell.outputs:
            source = states[state]
            if self._shapes[source][:2] != (height, width):
                source = self.add(f"{name}.output.h{state}", FactorizedReduction(filters), source)
            elif self._shapes[source][2] != filters:
                unit = ConvolutionUnit((1, 1), filters, order="conv-bn", padding="same")
                source = self.add(f"{name}.output.h{state}", unit, source)
            parts.append(source)
        return self.add(f"{name}.output", Identity(), *parts)

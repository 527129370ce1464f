"""Networks made by experts, by name, as graphs of blocks. They are baselines, and what is trained where no network is searched.

    resnet-D     ResNet with D = 6n + 2 layers (He et al., arXiv 1512.03385, section 4.2): n blocks in each of three stages of
                 16, 32 and 64 filters; shortcuts subsample and add zero channels, without weights
    wrn-D-K      Wide ResNet with D = 6n + 4 layers (Zagoruyko and Komodakis, arXiv 1605.07146): n blocks, each with batch norm
                 and activation before its convolutions, in each stage of 16K, 32K and 64K filters; 1 x 1 convolutions as
                 shortcuts where the width changes
    convnet-LxF  L times a 3 x 3 convolution of F filters, batch norm, activation and 2 x 2 max pooling; convnet-2x32 is the
                 child of Neural Optimizer Search (Bello et al., arXiv 1709.07417)

They are defined for images of 32 x 32 and are the same graph for any other. No convolution has a bias. All end as every network
here does, in global average pooling and one linear layer.

Differs from the papers: the 1 x 1 shortcut of a Wide ResNet reads what the block's first batch norm and activation give, as in
the authors' code; their paper does not say. Stride, pooling and classifier of the two-layer network of Neural Optimizer Search
are not published; pooling follows a re-implementation, the classifier is the one of all networks here.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from automl_cli.core.errors import UserError
from automl_cli.values.network import IMAGE, Block, Network
from automl_cli.values.operations import (
    ActivationOperation,
    ConvolutionUnit,
    Identity,
    MaxPool,
    Normalisation,
    Subsampling,
)

STAGES = (16, 32, 64)
"""Filters of the three stages, times the widening factor."""
LARGEST_BLOCKS = 200
"""Of a stage: those of ResNet-1202, the deepest published."""
LARGEST_WIDENING, LARGEST_LAYERS, LARGEST_FILTERS = 100, 100, 10_000


def resnet(depth: int) -> Network:
    """Return the ResNet with so many layers, 6n + 2. UserError for another depth.

    >>> resnet(20).costs((32, 32, 3), 10).parameters
    269722
    """
    blocks = [Block("stem", ConvolutionUnit((3, 3), STAGES[0]), (IMAGE,))]
    for name, filters, stride in _places(_blocks_per_stage("resnet-{}", depth, 2), widening=1):
        blocks += _residual_block(name, blocks[-1].name, filters, stride)
    return Network(tuple(blocks), (blocks[-1].name,))


def wide_resnet(depth: int, widening: int) -> Network:
    """Return the Wide ResNet with so many layers, 6n + 4, and so many times the filters. UserError for other numbers.

    >>> wide_resnet(28, 10).costs((32, 32, 3), 10).parameters
    36479194
    """
    per_stage = _blocks_per_stage(f"wrn-{{}}-{widening}", depth, 4)
    _check_range(f"wrn-{depth}-{widening}", "widening factor", widening, LARGEST_WIDENING)
    blocks = [Block("stem", ConvolutionUnit((3, 3), STAGES[0], order="conv"), (IMAGE,))]
    channels = STAGES[0]
    for name, filters, stride in _places(per_stage, widening):
        blocks += _preactivated_block(name, blocks[-1].name, channels, filters, stride)
        channels = filters
    blocks.append(Block("final", Normalisation(), (blocks[-1].name,)))
    return Network(tuple(blocks), ("final",))


def convnet(layers: int, filters: int) -> Network:
    """Return the plain network of so many layers and filters. UserError for numbers out of range.

    >>> convnet(2, 32).costs((32, 32, 3), 10).parameters
    10538
    """
    name = f"convnet-{layers}x{filters}"
    _check_range(name, "number of layers", layers, LARGEST_LAYERS)
    _check_range(name, "number of filters", filters, LARGEST_FILTERS)
    blocks: list[Block] = []
    for number in range(1, layers + 1):
        source = blocks[-1].name if blocks else IMAGE
        blocks.append(Block(f"conv{number}", ConvolutionUnit((3, 3), filters), (source,)))
        blocks.append(Block(f"pool{number}", MaxPool((2, 2), (2, 2)), (f"conv{number}",)))
    return Network(tuple(blocks), (blocks[-1].name,))


EXPERT_NETWORKS: Mapping[str, Callable[..., Network]] = {"resnet-D": resnet, "wrn-D-K": wide_resnet, "convnet-LxF": convnet}
"""What makes the networks of a family, by the pattern of their names: each capital stands for a whole number."""


def expert_network(pattern: str, name: str) -> Network | None:
    """Return the network of this name, None for a name that does not follow the pattern. UserError for numbers that name none.

    >>> expert_network("wrn-D-K", "wrn-40-2") == wide_resnet(40, 2)
    True
    >>> expert_network("wrn-D-K", "resnet-20") is None
    True
    """
    match = re.fullmatch(re.sub("[A-Z]", r"(0|[1-9][0-9]{0,8})", pattern), name)
    return None if match is None else EXPERT_NETWORKS[pattern](*map(int, match.groups()))


def _places(per_stage: int, widening: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, filters and stride of every block. The first blocks of the second and third stage halve the map."""
    for stage, filters in enumerate(STAGES, start=1):
        for number in range(1, per_stage + 1):
            yield f"stage{stage}.block{number}", widening * filters, 2 if stage > 1 and number == 1 else 1


def _residual_block(name: str, source: str, filters: int, stride: int) -> list[Block]:
    """Return conv BN act, conv BN, plus the shortcut, act."""
    shortcut = source
    blocks = [
        Block(f"{name}.conv1", ConvolutionUnit((3, 3), filters, (stride, stride)), (source,)),
        Block(f"{name}.conv2", ConvolutionUnit((3, 3), filters, order="conv-bn"), (f"{name}.conv1",)),
    ]
    if stride > 1:
        shortcut = f"{name}.shortcut"
        blocks.append(Block(shortcut, Subsampling(stride, filters), (source,)))
    return [*blocks, Block(name, ActivationOperation(), (f"{name}.conv2", shortcut), join="add")]


def _preactivated_block(name: str, source: str, channels: int, filters: int, stride: int) -> list[Block]:
    """Return BN act conv, BN act conv, plus the shortcut."""
    read, shortcut = f"{name}.norm", source
    blocks = [
        Block(read, Normalisation(), (source,)),
        Block(f"{name}.conv1", ConvolutionUnit((3, 3), filters, (stride, stride)), (read,)),
        Block(f"{name}.conv2", ConvolutionUnit((3, 3), filters, order="conv"), (f"{name}.conv1",)),
    ]
    if channels != filters:
        shortcut = f"{name}.shortcut"
        blocks.append(Block(shortcut, ConvolutionUnit((1, 1), filters, (stride, stride), order="conv"), (read,)))
    return [*blocks, Block(name, Identity(), (f"{name}.conv2", shortcut), join="add")]


def _blocks_per_stage(name: str, depth: int, others: int) -> int:
    """Return n where depth = 6n + others. UserError with the nearest networks where there is none; `name` has a place for D."""
    blocks, rest = divmod(depth - others, 6)
    if rest == 0 and 1 <= blocks <= LARGEST_BLOCKS:
        return blocks
    near = sorted({min(max(number, 1), LARGEST_BLOCKS) for number in (blocks, blocks + 1)})
    nearest = " or ".join(name.format(6 * number + others) for number in near)
    raise UserError(
        f"there is no {name.format(depth)}: the depth must be 6n + {others}, n from 1 to {LARGEST_BLOCKS}; give {nearest}"
    )


def _check_range(name: str, what: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise UserError(f"there is no {name}: the {what} must be from 1 to {most:,}")

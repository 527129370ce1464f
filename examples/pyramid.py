"""A search space of your own: convolutional pyramids of three stages, in one file.

    automl search-arch --space examples/pyramid.py --out runs/pyramid      (two minutes on two cores; best score about 0.9)

Every stage has 1 to 3 equal convolutions and, but for the last, a pool that halves the image.
Decisions: layers, kernel size and filters of each stage. Size: (3 * 2 * 4)^3 = 13,824.

What a space needs: the decisions, a pure `decode` to the value they stand for, `tokens` for people, and SPACE, which names
them. To look at it without searching: `automl spaces examples/pyramid.py`.
"""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.spaces import Options, Plugin, SearchPreset, SpaceOption
from automl_cli.values.child import ChildPreset
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, MaxPool, Network
from automl_cli.values.recipe import Recipe

LAYERS, KERNELS, FILTERS = (1, 2, 3), (3, 5), (16, 24, 32, 48)


def decisions(options: Options) -> DecisionList:
    """Three decisions for every stage."""
    stages = range(1, int(options["stages"]) + 1)
    fields = (("layers", LAYERS), ("kernel", KERNELS), ("filters", FILTERS))
    return DecisionList(tuple(Decision(f"stage{stage}.{name}", choices) for stage in stages for name, choices in fields))


def decode(options: Options, genotype: Genotype) -> Network:
    """The chain of blocks that the genotype stands for."""
    blocks: list[Block] = []
    last = IMAGE
    stages = list(_stages(genotype))
    for number, (layers, kernel, filters) in enumerate(stages, start=1):
        for layer in range(1, layers + 1):
            blocks.append(Block(f"stage{number}.{layer}", ConvolutionUnit((kernel, kernel), filters), (last,)))
            last = blocks[-1].name
        if number < len(stages):
            blocks.append(Block(f"pool{number}", MaxPool((2, 2), (2, 2)), (last,)))
            last = blocks[-1].name
    return Network(tuple(blocks), (last,))


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    """One line for every stage."""
    return tuple(f"Stage: {layers} x {kernel}x{kernel}, {filters} filters" for layers, kernel, filters in _stages(genotype))


def _stages(genotype: Genotype) -> list[tuple[int, int, int]]:
    """(layers, kernel, filters) of every stage."""
    by_stage = [genotype[start : start + 3] for start in range(0, len(genotype), 3)]
    return [(LAYERS[layers], KERNELS[kernel], FILTERS[filters]) for layers, kernel, filters in by_stage]


QUICK = SearchPreset(
    trials=24,
    epochs=8,
    child=ChildPreset(recipe=Recipe(batch_size=32, learning_rate=0.1, schedule="cosine")),
    strategy="random",
)

SPACE = Plugin(
    name="pyramid",
    version=1,
    command="search-arch",
    produces="architecture",
    summary="three stages of equal convolutions with pools between them",
    decisions=decisions,
    decode=decode,
    tokens=tokens,
    presets={"quick": QUICK, "paper": QUICK},
    options=(SpaceOption("stages", 3, "stages, each half as large as the one before"),),
)

"""A space for the tests of the machinery: a chain of 1x1 convolutions, 3 choices of filters each, 3^layers networks.

Named with `--space tests/tiny_space.py`, so it also tests spaces from files.
"""

from automl_cli.core.decisions import Decision, DecisionList, Genotype
from automl_cli.core.rewards import Power
from automl_cli.core.spaces import Options, Plugin, SearchPreset, SpaceOption
from automl_cli.values.child import ChildPreset
from automl_cli.values.network import IMAGE, Block, ConvolutionUnit, Network
from automl_cli.values.recipe import Recipe

FILTERS = (4, 8, 16)


def decisions(options: Options) -> DecisionList:
    return DecisionList(tuple(Decision(f"filters_{layer}", FILTERS) for layer in range(int(options["layers"]))))


def decode(options: Options, genotype: Genotype) -> Network:
    names = [IMAGE, *(f"layer_{layer}" for layer in range(len(genotype)))]
    blocks = tuple(
        Block(name, ConvolutionUnit((1, 1), FILTERS[index]), (before,))
        for index, name, before in zip(genotype, names[1:], names, strict=False)
    )
    return Network(blocks, (names[-1],))


def tokens(options: Options, genotype: Genotype) -> tuple[str, ...]:
    return tuple(f"Number of Filters: {FILTERS[index]}" for index in genotype)


SPACE = Plugin(
    name="tiny",
    version=1,
    command="search-arch",
    produces="architecture",
    summary="Chains of 1x1 convolutions, for tests.",
    decisions=decisions,
    decode=decode,
    tokens=tokens,
    options=(SpaceOption("layers", 4, "number of layers"),),
    presets={
        "quick": SearchPreset(
            trials=24,
            epochs=2,
            child=ChildPreset(recipe=Recipe(batch_size=32, learning_rate=0.1)),
            strategy="random",
            in_flight=4,
        ),
        "paper": SearchPreset(
            trials=1000,
            epochs=50,
            child=ChildPreset(recipe=Recipe(batch_size=64, learning_rate=0.1)),
            strategy="random",
            reward=Power(2.0),
            published_cost="one coffee",
        ),
    },
)

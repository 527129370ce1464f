"""The cost model of children: the seconds of one core that trainings take, from counts.

    passes     = epochs * (3 * steps + validation batches)              a step counts three: forward, and twice that backward
    arithmetic = epochs * (3 * training examples + validation examples) * 2 * multiply-adds / (EFFICIENCY * speed)
    training   = BUILD_SECONDS * blocks + PASS_SECONDS * blocks * passes + arithmetic
    compiling  = COMPILE_SECONDS * programs

A network of many small blocks, such as a stack of cells on small images, takes its time for passes and programs; a large one
for arithmetic. Engine `blocks` compiles a program for each block that no network had before, `whole` all blocks of every
network; what NumPy computes is not compiled. Measured on an AMD Zen 4 with random children of the quick presets (engine
`blocks`): six of space nasnet took 58 s from an empty cache and 28 s after that. Good to a factor of two.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import ceil, prod
from typing import Any

from msgspec import Struct

from automl_cli.values.engine import SMALL, EngineName
from automl_cli.values.network import Network
from automl_cli.values.recipe import Recipe

START_SECONDS = 3.0
"""A worker before its first child: importing JAX, reading the data."""

BUILD_SECONDS = 0.004
"""Building a block of a network and fetching its compiled programs."""

PASS_SECONDS = 7e-5
"""A pass through a block that computes next to nothing."""

COMPILE_SECONDS: Mapping[EngineName, float] = {"blocks": 0.23, "whole": 0.3}
"""Compiling what trains and scores a block, with an empty cache."""

EFFICIENCY = 1.5
"""Speed of training, as a part of that of a large matrix product. It is above 1, since large kernels are not computed as
written: random networks of space cnn reach 1 to 2.6 on 32 x 32 images."""


class ChildSeconds(Struct, frozen=True):
    """Seconds of one core for the training of a child whose programs are compiled, by what they depend on."""

    building: float
    passes: float
    arithmetic: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.building + self.passes + self.arithmetic


def child_seconds(
    facts: Mapping[str, Any], recipe: Recipe, *, epochs: int, blocks: float, multiply_adds: float, speed: float
) -> ChildSeconds:
    """Estimate the training of a child. `facts` are those of the problem as plain data; `speed` is in multiply-adds and
    additions per second, two for each multiply-add."""
    training, validation = facts["train_examples"], facts["validation_examples"]
    passes = epochs * (3 * recipe.steps(training) + ceil(validation / recipe.batch_size))
    return ChildSeconds(
        building=BUILD_SECONDS * blocks,
        passes=PASS_SECONDS * blocks * passes,
        arithmetic=epochs * (3 * training + validation) * 2 * multiply_adds / (EFFICIENCY * speed),
    )


def compile_seconds(engine: EngineName, networks: Iterable[frozenset[Hashable] | None], *, blocks: float) -> float:
    """Estimate the compilation for these networks, given by `programs_of`, with an empty cache.

    `blocks` is how many a network has on average.
    """
    distinct = set(networks)
    if engine == "blocks":
        return COMPILE_SECONDS[engine] * len({program for programs in distinct for program in programs or ()})
    return COMPILE_SECONDS[engine] * blocks * len(distinct)


def programs_of(network: Any, image: Sequence[int] | None, *, batch: int | None = None) -> frozenset[Hashable] | None:
    """Return what tells the compiled programs of a network's blocks apart: operation, shapes of the inputs, and their join.

    None where the network is no graph of blocks. `batch`, the examples that are computed together, is given for a network that
    NumPy computes on one thread: then it is the update, what follows convolutions on large maps, and pools of such maps.
    """
    if not isinstance(network, Network) or image is None:
        return None
    height, width, channels = image
    shapes = network.shapes((height, width, channels))
    if batch is not None:
        made = ((type(one.operation), shapes[one.name]) for one in network.blocks)
        return frozenset({"update", *((operation, shape) for operation, shape in made if prod(shape) * batch > SMALL)})
    return frozenset((one.operation, tuple(shapes[name] for name in one.inputs), one.join) for one in network.blocks)


def blocks_of(network: Any) -> int:
    """Return the number of blocks of a network; 1 where it is no graph of blocks."""
    return len(network.blocks) if isinstance(network, Network) else 1

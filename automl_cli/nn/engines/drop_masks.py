"""Random factors for dropped paths and features in a step of the engine `blocks`, drawn by programs that all networks share.

The draws are those of `networks.drop_path`.
"""

from collections.abc import Iterator, Mapping
from functools import cache

import jax
import numpy as np
from jax import Array

from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.engines.graph import Graph, path_name
from automl_cli.nn.engines.protocol import StepContext
from automl_cli.nn.networks.drop_path import DropMasks, DropSettings

PATHS_PER_PROGRAM = 64
"""Paths whose factors one program draws. The last chunk of the paths of a network is padded to this number."""


def drop_masks(settings: DropSettings, graph: Graph, context: StepContext, examples: int) -> dict[str, np.ndarray]:
    """Return the factors of one step by name, as side inputs of the calls: (examples,) for a path, (examples, channels) for
    features."""
    side_inputs: dict[str, np.ndarray] = {}
    draw_arguments = (context.key, np.float32(context.progress))
    for numbers, drop_rates in _chunks(graph.paths):
        factors = np.asarray(_path_factors(settings, examples)(*draw_arguments, numbers, drop_rates))
        side_inputs |= {path_name(number): row for number, row in zip(numbers, factors, strict=True)}
    if graph.features:
        channels = max(part.stop for part in graph.features.values())
        factors = np.asarray(_feature_factors(settings, examples, channels)(*draw_arguments))
        side_inputs |= {name: factors[:, part] for name, part in graph.features.items()}
    return side_inputs


def _chunks(paths: Mapping[int, float]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the block numbers and final drop rates of the paths, `PATHS_PER_PROGRAM` at a time."""
    pairs = list(paths.items())
    for start in range(0, len(pairs), PATHS_PER_PROGRAM):
        part = pairs[start : start + PATHS_PER_PROGRAM]
        numbers, drop_rates = zip(*part, *[part[-1]] * (PATHS_PER_PROGRAM - len(part)), strict=True)
        yield np.array(numbers, np.uint32), np.array(drop_rates, np.float32)


@cache
def _path_factors(settings: DropSettings, examples: int) -> Program:
    def path_factors(key: Array, progress: Array, numbers: Array, drop_rates: Array) -> Array:
        drop = DropMasks(settings, key, progress)
        return jax.vmap(lambda number, drop_rate: drop.path_factors(number, drop_rate, examples))(numbers, drop_rates)

    return compiled(path_factors, identity=f"path_factors {settings} {examples}")


@cache
def _feature_factors(settings: DropSettings, examples: int, channels: int) -> Program:
    def feature_factors(key: Array, progress: Array) -> Array:
        return DropMasks(settings, key, progress).feature_factors(examples, channels)

    return compiled(feature_factors, identity=f"feature_factors {settings} {examples} {channels}")

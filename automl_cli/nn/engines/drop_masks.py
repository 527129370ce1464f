"""What a step of the engine `blocks` drops: the draws of `networks.drop_path`, made by programs that all networks share."""

from collections.abc import Iterator, Mapping
from functools import cache

import jax
import numpy as np
from jax import Array

from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.engines.lowering import Graph, path_name
from automl_cli.nn.engines.protocol import StepContext
from automl_cli.nn.networks.drop_path import DropMasks, DropSettings

PATHS_TOGETHER = 64
"""Paths whose draws one program makes. A network has any number of them: the last ones are filled up."""


def drop_masks(settings: DropSettings, graph: Graph, context: StepContext, examples: int) -> dict[str, np.ndarray]:
    """The factors that the calls of the graph are given: of paths, (examples,), and of features, (examples, channels)."""
    given: dict[str, np.ndarray] = {}
    at = (context.key, np.float32(context.progress))
    for numbers, dropped in _parts(graph.paths):
        factors = np.asarray(_path_factors(settings, examples)(*at, numbers, dropped))
        given |= {path_name(number): row for number, row in zip(numbers, factors, strict=True)}
    if graph.features:
        channels = max(part.stop for part in graph.features.values())
        factors = np.asarray(_feature_factors(settings, examples, channels)(*at))
        given |= {name: factors[:, part] for name, part in graph.features.items()}
    return given


def _parts(paths: Mapping[int, float]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Numbers of blocks and shares dropped at the end, `PATHS_TOGETHER` at a time."""
    pairs = list(paths.items())
    for start in range(0, len(pairs), PATHS_TOGETHER):
        part = pairs[start : start + PATHS_TOGETHER]
        numbers, dropped = zip(*part, *[part[-1]] * (PATHS_TOGETHER - len(part)), strict=True)
        yield np.array(numbers, np.uint32), np.array(dropped, np.float32)


@cache
def _path_factors(settings: DropSettings, examples: int) -> Program:
    def path_factors(key: Array, progress: Array, numbers: Array, dropped: Array) -> Array:
        drop = DropMasks(settings, key, progress)
        return jax.vmap(lambda number, share: drop.path_factors(number, share, examples))(numbers, dropped)

    return compiled(path_factors, identity=f"path_factors {settings} {examples}")


@cache
def _feature_factors(settings: DropSettings, examples: int, channels: int) -> Program:
    def feature_factors(key: Array, progress: Array) -> Array:
        return DropMasks(settings, key, progress).feature_factors(examples, channels)

    return compiled(feature_factors, identity=f"feature_factors {settings} {examples} {channels}")

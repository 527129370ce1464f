"""A trained child at work: its weights, and what it makes of examples."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array

from automl_cli.children.learning import Testing
from automl_cli.children.network import module_of
from automl_cli.nn.engines import BlocksEngine, Engine, WholeEngine, named_arrays
from automl_cli.nn.evaluation import evaluated, outputs_of
from automl_cli.nn.losses import CrossEntropy
from automl_cli.nn.networks import NetworkModule
from automl_cli.values.child import Child
from automl_cli.values.engine import EngineName, engine_for_prediction
from automl_cli.values.network import Shape

LARGEST_BATCH = 1024
POSITIONS_ON_A_DEVICE = 2**18
"""Pixels of one batch: 256 images of 32 x 32. Enough to keep a device busy, little enough for its memory."""
POSITIONS_ON_A_CPU = 2**13
"""What fits into a core's cache: 128 images of 8 x 8 a batch are scored at twice the speed of 1024, and 8 of 32 x 32 a fifth
faster than 256."""


LEAST_BATCH_ON_A_DEVICE = 32
"""Large images fill a device's memory sooner, but fewer of them leave it waiting for the host."""


def largest_batch(image: Shape) -> int:
    """How many images of this shape are looked at together outside training."""
    on_cpu = jax.default_backend() == "cpu"
    positions, least = (POSITIONS_ON_A_CPU, 1) if on_cpu else (POSITIONS_ON_A_DEVICE, LEAST_BATCH_ON_A_DEVICE)
    return max(least, min(LARGEST_BATCH, positions // (image[0] * image[1])))


def weights_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What of the state of a training its network needs: parameters, or their running mean where there is one, and running
    statistics; not the optimizer's memory, nor an auxiliary head."""
    needed = {name: array for name, array in arrays.items() if name.startswith(("parameters.", "statistics."))}
    means = {f"parameters.{name.removeprefix('average.')}": arrays[name] for name in arrays if name.startswith("average.")}
    return {name: array for name, array in (needed | means).items() if not name.partition(".")[2].startswith("auxiliary")}


class Predictor:
    """A trained child with its weights. Raises ValueError naming the array when the weights are not those of its network.

    `trained` is the engine that trained it: on a CPU a few examples are looked at by the programs that validated the training
    (`values.engine`), in batches of the same size.
    """

    def __init__(self, child: Child, weights: Mapping[str, np.ndarray], *, trained: EngineName = "whole") -> None:
        self._model = module_of(child, seed=0)
        _check(weights, _expected(self._model))
        self._weights = weights
        self._trained: EngineName = trained
        self._batch_size = child.recipe.batch_size

    def scores(self, testing: Testing) -> dict[str, float]:
        """The scores on a test split by name, all in one pass over it."""
        engine, batches = self._for(testing.size)
        found = evaluated(engine, engine.state(self._weights), testing.examples(**batches), tuple(testing.metrics.values()))
        return dict(zip(testing.metrics, found, strict=True))

    def outputs(self, testing: Testing) -> np.ndarray:
        """The outputs for all examples, in order."""
        engine, batches = self._for(testing.size)
        return outputs_of(engine, engine.state(self._weights), testing.examples(**batches))

    def function(self) -> Callable[[Array], Array]:
        """The network in evaluation mode, as a function of one batch that JAX can trace. It holds the weights."""
        _load(self._model, self._weights)
        return lambda examples: self._model(examples, train=False)

    def _for(self, examples: int) -> tuple[Engine, dict[str, Any]]:
        """The engine for so many examples, and the batches that it looks at them in."""
        size = min(self._batch_size, max(examples, 1))
        batches, accelerated = -(-examples // size), jax.default_backend() != "cpu"
        name = engine_for_prediction(batches, trained=self._trained, accelerated=accelerated)
        if name == "blocks" and isinstance(self._model, NetworkModule):
            return BlocksEngine(self._model, **_UNUSED), {"size": size, "smaller": False}
        return WholeEngine(self._model, **_UNUSED), {"size": None, "smaller": True}


_UNUSED: dict[str, Any] = {"loss": CrossEntropy(), "update_rule": optax.identity()}
"""What an engine trains with. Made once, since blocks are kept by what they are made from."""


def _expected(model: nnx.Module) -> dict[str, Array]:
    """The arrays of a network, by the names of its weights."""
    kinds = zip(("parameters", "statistics"), named_arrays(model), strict=True)
    return {f"{kind}.{name}": array for kind, arrays in kinds for name, array in arrays.items()}


def _load(model: nnx.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Put the weights into the variables of the model itself."""
    for prefix, kind in (("parameters", nnx.Param), ("statistics", nnx.BatchStat)):
        state = nnx.state(model, kind)
        for path, variable in nnx.to_flat_state(state):
            variable[...] = jnp.asarray(weights[".".join([prefix, *map(str, path)])])
        nnx.update(model, state)


def _check(weights: Mapping[str, np.ndarray], expected: Mapping[str, Array]) -> None:
    for name in sorted({*weights, *expected}):
        if name not in weights:
            raise ValueError(f"the weights lack the array {name!r}")
        if name not in expected:
            raise ValueError(f"the weights hold an array {name!r} that the network has no place for")
        if weights[name].shape != expected[name].shape or weights[name].dtype != expected[name].dtype:
            found, wanted = (f"{array.dtype} {array.shape}" for array in (weights[name], expected[name]))
            raise ValueError(f"the array {name!r} is {found} in the weights and {wanted} in the network")

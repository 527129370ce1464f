"""Prediction by a trained child: its weights, scores and outputs."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx
from jax import Array

from automl_cli.children.learning import Testing
from automl_cli.children.network import module_of
from automl_cli.nn.engines import BlocksEngine, Engine, WholeEngine, named_arrays
from automl_cli.nn.evaluation import accumulate, evaluate, outputs_of, predictions
from automl_cli.nn.losses import CrossEntropy
from automl_cli.nn.metrics import results
from automl_cli.nn.networks import NetworkModule
from automl_cli.values.child import Child
from automl_cli.values.engine import EngineName, engine_for_prediction
from automl_cli.values.network import Shape

LARGEST_BATCH = 1024
"""Images of a batch at most."""

POSITIONS_ON_A_DEVICE = 2**18
"""Pixels of one batch on a GPU or TPU: 256 images of 32 x 32. They keep a device busy and fit its memory."""
POSITIONS_ON_A_CPU = 2**13
"""Pixels of one batch on a CPU that fit a core's cache: 128 images of 8 x 8 are scored at twice the speed of 1024, and 8 of
32 x 32 a fifth faster than 256."""


LEAST_BATCH_ON_A_DEVICE = 32
"""Images of a batch at least on a GPU or TPU. Large images fill its memory sooner, but smaller batches leave it waiting for
the host."""


def largest_batch(image: Shape) -> int:
    """Return the number of images of this shape, (height, width, channels), in one batch outside training."""
    on_cpu = jax.default_backend() == "cpu"
    positions, least = (POSITIONS_ON_A_CPU, 1) if on_cpu else (POSITIONS_ON_A_DEVICE, LEAST_BATCH_ON_A_DEVICE)
    return max(least, min(LARGEST_BATCH, positions // (image[0] * image[1])))


def weights_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of a training's state that its network needs, by name.

    These are the parameters, or their moving average if there is one, and the running statistics, without an auxiliary head.
    """
    own = {name: array for name, array in arrays.items() if name.startswith(("parameters.", "statistics."))}
    averages = {f"parameters.{name.removeprefix('average.')}": arrays[name] for name in arrays if name.startswith("average.")}
    return {name: array for name, array in (own | averages).items() if not name.partition(".")[2].startswith("auxiliary")}


class Predictor:
    """A trained child with its weights. Raises ValueError that names the array if the weights do not fit its network.

    `trained` is the engine of the training: on a CPU, few examples are evaluated by the programs that validated the training
    (`values.engine`), in batches of the same size.
    """

    def __init__(self, child: Child, weights: Mapping[str, np.ndarray], *, trained: EngineName = "whole") -> None:
        self._model = module_of(child, seed=0)
        _check(weights, expected_weights(self._model))
        self._weights = weights
        self._trained: EngineName = trained
        self._batch_size = child.recipe.batch_size

    def scores(self, testing: Testing) -> dict[str, float]:
        """Return the scores on a test split by name, all in one pass over it."""
        engine, batches = self._engine_for(testing.size)
        values = evaluate(engine, engine.state(self._weights), testing.examples(**batches), tuple(testing.metrics.values()))
        return dict(zip(testing.metrics, values, strict=True))

    def scores_and_confusion(self, testing: Testing) -> tuple[dict[str, float], np.ndarray | None]:
        """Return the scores on a test split by name, and the examples of each class by the class that they are taken for,
        (classes, classes) int64, where there are classes; all in one pass."""
        engine, batches = self._engine_for(testing.size)
        metrics = tuple(testing.metrics.values())
        counted = () if testing.confusion is None else (testing.confusion,)
        found = accumulate(engine, engine.state(self._weights), testing.examples(**batches), (*metrics, *counted))
        values = results(metrics, found[: len(metrics)])
        return dict(zip(testing.metrics, values, strict=True)), found[-1] if counted else None

    def outputs(self, testing: Testing) -> np.ndarray:
        """Return the outputs for all examples in order, (examples, …)."""
        engine, batches = self._engine_for(testing.size)
        return outputs_of(engine, engine.state(self._weights), testing.examples(**batches))

    def predictions(self, examples: Any, *, count: int, like: int) -> Generator[np.ndarray, None, None]:
        """Yield the outputs for so many examples in order, batch by batch, (batch, …).

        They come in batches of the size in which a split of `like` examples is scored, by programs that are already there
        then; `examples` takes `size` and `smaller` as those of a `Testing` do.
        """
        engine, batches = self._engine_for(max(count, like))
        for outputs, _ in predictions(engine, engine.state(self._weights), examples(**batches)):
            yield np.asarray(outputs)

    def function(self) -> Callable[[Array], Array]:
        """Return the network in evaluation mode, as a traceable function: one batch (batch, …) -> outputs (batch, …). It
        holds the weights."""
        _load(self._model, self._weights)
        return lambda examples: self._model(examples, train=False)

    def _engine_for(self, examples: int) -> tuple[Engine, dict[str, Any]]:
        """Return the engine for this number of examples, and the options of its batches."""
        size = min(self._batch_size, max(examples, 1))
        batches, accelerated = -(-examples // size), jax.default_backend() != "cpu"
        name = engine_for_prediction(batches, trained=self._trained, accelerated=accelerated)
        if name == "blocks" and isinstance(self._model, NetworkModule):
            return BlocksEngine(self._model, **NO_TRAINING, batch=self._batch_size), {"size": size, "smaller": False}
        return WholeEngine(self._model, **NO_TRAINING), {"size": None, "smaller": True}


NO_TRAINING: dict[str, Any] = {"loss": CrossEntropy(), "update_rule": optax.identity()}
"""Placeholders for the loss and the update rule of an engine. They are made once, since blocks are cached by their
arguments."""


def expected_weights(model: nnx.Module) -> dict[str, Array]:
    """Return the arrays of a network by the names of its weights, each of any shape."""
    groups = zip(("parameters", "statistics"), named_arrays(model), strict=True)
    return {f"{kind}.{name}": array for kind, arrays in groups for name, array in arrays.items()}


def _load(model: nnx.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy the weights into the variables of the model."""
    for prefix, kind in (("parameters", nnx.Param), ("statistics", nnx.BatchStat)):
        state = nnx.state(model, kind)
        for path, variable in nnx.to_flat_state(state):
            variable[...] = jax.device_put(np.array(weights[".".join([prefix, *map(str, path)])]))
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

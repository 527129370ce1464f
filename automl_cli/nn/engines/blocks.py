"""The network as calls of shared blocks: a new architecture compiles almost nothing (`tape` says how, `lowering` which
blocks)."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from automl_cli.nn.compilation import compiled
from automl_cli.nn.engines.lowering import Source, lower
from automl_cli.nn.engines.protocol import Loss, Moment
from automl_cli.nn.engines.tape import run_backward, run_evaluation, run_forward
from automl_cli.nn.engines.whole import named_arrays
from automl_cli.nn.networks import NetworkModule

Pages = tuple[Array, ...]


class BlocksState(NamedTuple):
    """Parameters, and the gradients of the last step, in pages; running statistics by their place in the network."""

    pages: Pages
    gradients: Pages
    statistics: dict[str, Array]
    optimizer: Any


class BlocksEngine:
    """Runs a network block by block. See `engines.protocol.Engine`.

    The update rule works on whole pages, so it may be any that treats numbers one by one or by sums over all of them.
    """

    def __init__(self, model: NetworkModule, *, loss: Loss, update_rule: optax.GradientTransformation) -> None:
        self._graph = lower(model.network, model.image, model.classes, loss)
        self._drawn = named_arrays(model)
        self._update_rule = update_rule

    def initial(self) -> BlocksState:
        parameters, statistics = self._drawn
        pages = self._packed({name: np.asarray(array) for name, array in parameters.items()})
        gradients = tuple(jnp.zeros(size, jnp.float32) for size in self._graph.pages)
        return BlocksState(pages, gradients, dict(statistics), self._update_rule.init(pages))

    def step(
        self, state: BlocksState, images: Array, targets: Array, rate: float, moment: Moment | None = None
    ) -> tuple[BlocksState, Array]:
        given = {**state.statistics, "images": _places_first(images), "targets": targets}
        tape = run_forward(self._graph.calls, state.pages, given)
        loss = tape.values[self._graph.calls[-1].output]
        statistics = {
            name: array
            for call, products in zip(self._graph.calls, tape.products, strict=True)
            for name, array in zip(call.given, products or (), strict=False)
        }
        gradients = list(state.gradients)
        run_backward(self._graph.calls, tape, state.pages, gradients, given)
        updated = _update(self._update_rule)(state.pages, tuple(gradients), state.optimizer, np.float32(rate))
        return BlocksState(updated[0], tuple(gradients), statistics, updated[1]), loss

    def outputs(self, state: BlocksState, images: Array) -> Array:
        given = {**state.statistics, "images": _places_first(images), "targets": None}
        return run_evaluation(self._graph.calls, state.pages, given)

    def arrays(self, state: BlocksState) -> dict[str, np.ndarray]:
        """Names and arrays are those of the engine `whole`."""
        arrays = self._unpacked(state.pages, "parameters.")
        arrays |= {f"statistics.{name}": np.array(array) for name, array in state.statistics.items()}
        for path, leaf in jax.tree.leaves_with_path(state.optimizer, is_leaf=self._is_pages):
            name = ".".join(("optimizer", jax.tree_util.keystr(path, simple=True, separator=".")))
            arrays |= self._unpacked(leaf, f"{name}.") if self._is_pages(leaf) else {name: np.array(leaf)}
        return arrays

    def state(self, arrays: Mapping[str, np.ndarray]) -> BlocksState:
        fresh = self.initial()

        def restored(path: Any, leaf: Any) -> Any:
            name = ".".join(("optimizer", jax.tree_util.keystr(path, simple=True, separator=".")))
            return self._packed(_below(f"{name}.", arrays)) if self._is_pages(leaf) else jnp.array(arrays[name])

        optimizer = jax.tree.map_with_path(restored, fresh.optimizer, is_leaf=self._is_pages)
        statistics = {name: jnp.array(arrays[f"statistics.{name}"]) for name in fresh.statistics}
        return BlocksState(self._packed(_below("parameters.", arrays)), fresh.gradients, statistics, optimizer)

    def _packed(self, arrays: Mapping[str, np.ndarray]) -> Pages:
        pages = [np.zeros(size, np.float32) for size in self._graph.pages]
        for call, sources in zip(self._graph.calls, self._graph.sources, strict=True):
            start = int(call.offset)
            for source in sources.values():
                flat = np.asarray(arrays[source.array])[_slice(source)].ravel()
                pages[call.page][start : start + flat.size] = flat
                start += flat.size
        return tuple(map(jnp.array, pages))

    def _unpacked(self, pages: Pages, prefix: str) -> dict[str, np.ndarray]:
        flat = [np.asarray(page) for page in pages]
        arrays = {f"{prefix}{name}": np.empty(array.shape, np.float32) for name, array in self._drawn[0].items()}
        for call, sources in zip(self._graph.calls, self._graph.sources, strict=True):
            start = int(call.offset)
            for name, source in sources.items():
                assert call.block is not None
                shape = call.block.shapes[name]
                stop = start + int(np.prod(shape))
                arrays[f"{prefix}{source.array}"][_slice(source)] = flat[call.page][start:stop].reshape(shape)
                start = stop
        return arrays

    def _is_pages(self, leaf: Any) -> bool:
        """Whether a part of the optimizer's state is something per parameter."""
        shapes = [(size,) for size in self._graph.pages]
        return type(leaf) is tuple and [getattr(page, "shape", None) for page in leaf] == shapes


_places_first = compiled(lambda images: images.transpose(1, 2, 0, 3), identity="places_first")


@cache
def _update(rule: optax.GradientTransformation) -> Any:
    """One program for every network with as many pages."""

    def update(pages: Pages, gradients: Pages, optimizer: Any, rate: Array) -> tuple[Pages, Any]:
        changes, optimizer = rule.update(gradients, optimizer, pages)
        return jax.tree.map(lambda page, change: page - rate * change, pages, changes), optimizer

    return compiled(update, donate_argnums=(0, 2))


def _slice(source: Source) -> tuple[slice, ...]:
    return (slice(None),) * source.axis + (slice(source.start, source.stop),)


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

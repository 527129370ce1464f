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
from automl_cli.nn.engines.drop_masks import drop_masks
from automl_cli.nn.engines.ema import first_mean, running_mean
from automl_cli.nn.engines.lowering import ParameterSource, lower
from automl_cli.nn.engines.protocol import StepContext, needed
from automl_cli.nn.engines.tape import Call, run_backward, run_evaluation, run_forward
from automl_cli.nn.engines.whole import named_arrays
from automl_cli.nn.losses import Loss
from automl_cli.nn.networks import DropSettings, NetworkModule

Pages = tuple[Array, ...]


class BlocksState(NamedTuple):
    """Parameters, and the gradients of the last step, in pages; running statistics by their place in the network; the running
    mean of the parameters, and how many steps are in it, where the engine keeps one."""

    pages: Pages
    gradients: Pages
    statistics: dict[str, Array]
    optimizer: Any
    average: Pages | None = None
    averaged: Array | None = None


class BlocksEngine:
    """Runs a network block by block. See `engines.protocol.Engine`.

    The update rule works on whole pages, so it may be any that treats numbers one by one or by sums over all of them. `drop`
    and `average_decay` are as in `WholeEngine`, with the same draws.
    """

    def __init__(
        self,
        model: NetworkModule,
        *,
        loss: Loss,
        update_rule: optax.GradientTransformation,
        drop: DropSettings | None = None,
        average_decay: float | None = None,
    ) -> None:
        auxiliary = model.has_auxiliary
        self._graph = lower(
            model.network, model.image, model.classes, loss, activation=model.activation, drop=drop, auxiliary=auxiliary
        )
        self._bound: dict[tuple[Any, ...], tuple[Call, ...]] = {}
        self._drawn = named_arrays(model)
        self._update_rule = update_rule
        self._drop = drop
        self._average_decay = average_decay

    def initial(self) -> BlocksState:
        parameters, statistics = self._drawn
        pages = self._packed({name: np.asarray(array) for name, array in parameters.items()})
        gradients = tuple(jnp.zeros(size, jnp.float32) for size in self._graph.pages)
        average = first_mean(self._average_decay, pages)
        return BlocksState(pages, gradients, dict(statistics), self._update_rule.init(pages), *average)

    def step(
        self, state: BlocksState, inputs: Array, targets: Array, rate: float, context: StepContext | None = None
    ) -> tuple[BlocksState, Array]:
        given = {**state.statistics, "examples": _places_first(inputs), "targets": targets}
        if self._drop is not None:
            given |= drop_masks(self._drop, self._graph, needed(context), len(inputs))
        calls = self._bound_to(inputs, training=True)
        tape = run_forward(calls, state.pages, given)
        loss = tape.values[calls[-1].output]
        statistics = {
            name: array
            for call, products in zip(calls, tape.products, strict=True)
            for name, array in zip(call.given, products or (), strict=False)
        }
        gradients = list(state.gradients)
        run_backward(calls, tape, state.pages, gradients, given)
        update = _update(self._update_rule.update, self._average_decay)
        kept = (state.pages, state.optimizer, state.average, state.averaged)
        pages, *others = update(kept, tuple(gradients), np.float32(rate))
        return BlocksState(pages, tuple(gradients), statistics, *others), loss

    def outputs(self, state: BlocksState, inputs: Array) -> Array:
        pages = state.pages if state.average is None else state.average
        drawn = dict.fromkeys(self._graph.features)
        given = {**state.statistics, **drawn, "examples": _places_first(inputs), "targets": None}
        return run_evaluation(self._bound_to(inputs, training=False), pages, given)

    def carrying(self, state: BlocksState, carry: Any) -> BlocksState:
        """Raises ValueError for anything to carry: blocks are made of feed-forward networks."""
        if carry is not None:
            raise ValueError("the engine of blocks carries no state from batch to batch; train by the engine of the whole")
        return state

    def carried_outputs(self, state: BlocksState, inputs: Array, carry: Any) -> tuple[Array, Any]:
        """Raises ValueError, as `carrying` does."""
        return self.outputs(self.carrying(state, carry), inputs), None

    def _bound_to(self, inputs: Array, *, training: bool) -> tuple[Call, ...]:
        """The calls for inputs of this shape and type, which decide those of all that is computed from them."""
        key = (training, inputs.shape, inputs.dtype)
        if key not in self._bound:
            calls = self._graph.calls if training else self._graph.evaluation
            self._bound[key] = tuple(call._replace(block=call.block and call.block.for_one_call()) for call in calls)
        return self._bound[key]

    def arrays(self, state: BlocksState) -> dict[str, np.ndarray]:
        """Names and arrays are those of the engine `whole`."""
        arrays = self._unpacked(state.pages, "parameters.")
        arrays |= {f"statistics.{name}": np.array(array) for name, array in state.statistics.items()}
        for path, leaf in jax.tree.leaves_with_path(state.optimizer, is_leaf=self._is_pages):
            name = ".".join(("optimizer", jax.tree_util.keystr(path, simple=True, separator=".")))
            arrays |= self._unpacked(leaf, f"{name}.") if self._is_pages(leaf) else {name: np.array(leaf)}
        if state.average is not None:
            arrays |= {**self._unpacked(state.average, "average."), "averaged": np.array(state.averaged)}
        return arrays

    def state(self, arrays: Mapping[str, np.ndarray]) -> BlocksState:
        fresh = self.initial()

        def restored(path: Any, leaf: Any) -> Any:
            name = ".".join(("optimizer", jax.tree_util.keystr(path, simple=True, separator=".")))
            return self._packed(_below(f"{name}.", arrays)) if self._is_pages(leaf) else jnp.array(arrays[name])

        optimizer = jax.tree.map_with_path(restored, fresh.optimizer, is_leaf=self._is_pages)
        statistics = {name: jnp.array(arrays[f"statistics.{name}"]) for name in fresh.statistics}
        pages = self._packed(_below("parameters.", arrays))
        if self._average_decay is None:
            return BlocksState(pages, fresh.gradients, statistics, optimizer)
        average = self._packed(_below("average.", arrays)), jnp.array(arrays["averaged"])
        return BlocksState(pages, fresh.gradients, statistics, optimizer, *average)

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


_places_first = compiled(lambda examples: examples.transpose(1, 2, 0, 3), identity="places_first")


@cache
def _update(rule: optax.TransformUpdateFn, average_decay: float | None) -> Any:
    """One program for every network with as many pages."""

    def update(kept: tuple[Pages, Any, Pages | None, Array | None], gradients: Pages, rate: Array) -> tuple[Any, ...]:
        pages, optimizer, average, averaged = kept
        changes, optimizer = rule(gradients, optimizer, pages)
        pages = jax.tree.map(lambda page, change: page - rate * change, pages, changes)
        return pages, optimizer, *running_mean(average_decay, average, averaged, pages)

    return compiled(update, long=True, donate_argnums=0)


def _slice(source: ParameterSource) -> tuple[slice, ...]:
    return (slice(None),) * source.axis + (slice(source.start, source.stop),)


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

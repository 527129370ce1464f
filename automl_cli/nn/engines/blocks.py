"""The engine `blocks`: a network as calls of shared blocks, so that a new architecture compiles almost nothing: if its maps are
small, no more than the update of so many parameters.

`lowering` chooses the blocks, `tape` runs them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from automl_cli.nn.compilation import compiled
from automl_cli.nn.engines.compiled_block import CompiledBlock
from automl_cli.nn.engines.drop_masks import drop_masks
from automl_cli.nn.engines.ema import initial_average, updated_average
from automl_cli.nn.engines.graph import EVALUATES, ParameterSource
from automl_cli.nn.engines.lowering import lower
from automl_cli.nn.engines.numpy_block import NumpyBlock
from automl_cli.nn.engines.pages import Pages, zeros
from automl_cli.nn.engines.protocol import StepContext, required_context
from automl_cli.nn.engines.tape import BlockCall, run_backward, run_evaluation, run_forward
from automl_cli.nn.engines.whole import named_arrays
from automl_cli.nn.losses import Loss
from automl_cli.nn.networks import DropSettings, NetworkModule
from automl_cli.nn.ops.activations import code_of
from automl_cli.system.linear_algebra import has_one_thread, one_thread

FlatArrays = tuple[Array, ...]
"""Flat float32 arrays (page size,) that together hold one number for every parameter."""


Trained = tuple[FlatArrays, Any, FlatArrays | None, Array | None]
"""Pages of the parameters, state of the update rule, pages of the average, and the number of steps in it."""


class BlocksState(NamedTuple):
    """State of a training with blocks.

    `pages` hold the parameters, `gradients` those of the last step in pages, which are empty where no block of their kind has
    parameters; `statistics` are the running statistics by name. If the engine keeps an average, `average` holds the moving
    average of the parameters, in pages, and `averaged` the number of steps in it, a scalar.
    """

    pages: FlatArrays
    gradients: Pages
    statistics: dict[str, Array]
    optimizer: Any
    average: FlatArrays | None = None
    averaged: Array | None = None


class BlocksEngine:
    """Engine (`engines.protocol.Engine`) that runs a network block by block.

    The update rule works on whole pages, so it may be any rule that treats parameters one by one, or by sums over all of them.
    `drop` and `average_decay` are as in `WholeEngine`, with the same random draws; `tight` is for one network that is trained
    again and again, and `batch` for one that is trained only a few times, on batches of so many examples (`lower`). Inputs are
    images (batch, height, width, channels) float32, targets labels (batch,) int32, and outputs logits (batch, classes).
    """

    def __init__(
        self,
        model: NetworkModule,
        *,
        loss: Loss,
        update_rule: optax.GradientTransformation,
        drop: DropSettings | None = None,
        average_decay: float | None = None,
        tight: bool = False,
        batch: int | None = None,
    ) -> None:
        self._graph = lower(
            model.network,
            model.image,
            model.classes,
            loss,
            activation=model.activation,
            drop=drop,
            auxiliary=model.has_auxiliary,
            tight=tight,
            batch=batch if jax.default_backend() == "cpu" else None,
            one_thread=has_one_thread(),
        )
        self._pages_of_programs, self._pages_of_numpy = (self._pages_of(kind) for kind in (CompiledBlock, NumpyBlock))
        read_by = {type(call.block) for call in self._graph.calls if "examples" in call.side_inputs}
        self._spatial_first = _spatial_first_by_numpy if read_by == {NumpyBlock} else _spatial_first
        self._calls: dict[tuple[Any, ...], tuple[BlockCall, ...]] = {}
        self._initial_arrays = named_arrays(model)
        self._fixed = {} if (code := code_of(model.activation)) is None else {"activation": jnp.asarray(code)}
        self._evaluates = {evaluates: jax.device_put(np.bool(evaluates)) for evaluates in (False, True)}
        self._update_rule = update_rule
        self._update = _update(update_rule.update, average_decay).for_fixed_shapes()
        self._drop = drop
        self._average_decay = average_decay

    def initial(self) -> BlocksState:
        """Return the state before the first step, a pytree."""
        parameters, statistics = self._initial_arrays
        pages = self._packed({name: np.asarray(array) for name, array in parameters.items()})
        average = initial_average(self._average_decay, pages)
        return BlocksState(pages, self._no_gradients(), dict(statistics), self._update_rule.init(pages), *average)

    def step(
        self, state: BlocksState, inputs: Array, targets: Array, rate: float, context: StepContext | None = None
    ) -> tuple[BlocksState, Array]:
        """Take one step on one batch at learning rate `rate`; return the new state and the loss before the step, a scalar.

        Raises ValueError if the engine drops paths or features and `context` is None.
        """
        side_inputs = self._side_inputs(state, inputs, targets, evaluates=False)
        if self._drop is not None:
            side_inputs |= drop_masks(self._drop, self._graph, required_context(context), len(inputs))
        calls = self._calls_for(inputs, training=True)
        with _as_programs():
            loss, statistics, gradients = self._gradients(calls, state, side_inputs)
        trained = (state.pages, state.optimizer, state.average, state.averaged)
        pages, *others = self._update(trained, self._added(gradients), np.float32(rate))
        return BlocksState(pages, gradients, statistics, *others), loss

    def _gradients(
        self, calls: Sequence[BlockCall], state: BlocksState, side_inputs: Mapping[str, Any]
    ) -> tuple[Any, dict[str, Any], Pages]:
        """Return the loss, the new running statistics by name, and the gradient pages.

        The pages are read through views, which are gone when this returns: a program cannot reuse memory that is viewed.
        """
        pages = self._readable(state.pages)
        tape = run_forward(calls, pages, side_inputs)
        loss = tape.values[calls[-1].output]
        statistics = {
            name: array
            for call, by_products in zip(calls, tape.by_products, strict=True)
            for name, array in zip(call.side_inputs, by_products or (), strict=False)
        }
        return loss, statistics, run_backward(calls, tape, pages, state.gradients, side_inputs)

    def outputs(self, state: BlocksState, inputs: Array) -> Array:
        """Return the logits (batch, classes) of the network in evaluation mode."""
        pages = state.pages if state.average is None else state.average
        side_inputs = self._side_inputs(state, inputs, None, evaluates=True) | dict.fromkeys(self._graph.features)
        with _as_programs():
            return run_evaluation(self._calls_for(inputs, training=False), self._readable(pages), side_inputs)

    def _pages_of(self, kind: type) -> set[int]:
        """Return the pages with parameters of blocks of this kind."""
        blocks = ((call.block, call.page) for call in self._graph.calls)
        return {page for block, page in blocks if block is not None and isinstance(block, kind) and block.size}

    def _readable(self, pages: FlatArrays) -> Pages:
        """Return the pages for blocks of both kinds."""
        used = self._pages_of_numpy
        return Pages(pages, [np.from_dlpack(cast("Any", page)) if at in used else _NO_PAGE for at, page in enumerate(pages)])

    def _no_gradients(self) -> Pages:
        """Return pages of zeros for the gradients of both kinds of blocks."""
        of_programs, of_numpy = (
            [size if page in used else 0 for page, size in enumerate(self._graph.pages)]
            for used in (self._pages_of_programs, self._pages_of_numpy)
        )
        return Pages(tuple(jax.device_put(np.zeros(size, np.float32)) for size in of_programs), tuple(map(zeros, of_numpy)))

    def _added(self, gradients: Pages) -> tuple[Any, ...]:
        """Return the gradients of all blocks in pages. In a page of both kinds each has left the other's part zero.

        Programs read NumPy's pages where they are: the update is done when it returns (`automl_cli.nn`), before the next step
        writes to them.
        """
        of_programs, of_numpy = self._pages_of_programs, self._pages_of_numpy
        return tuple(
            compiled if page not in of_numpy else numpy if page not in of_programs else numpy + np.asarray(compiled)
            for page, (compiled, numpy) in enumerate(zip(gradients.compiled, gradients.numpy, strict=True))
        )

    def _side_inputs(self, state: BlocksState, inputs: Array, targets: Array | None, *, evaluates: bool) -> dict[str, Any]:
        """Return what blocks read besides their inputs, by name, without random factors."""
        examples = self._spatial_first(inputs)
        own = {EVALUATES: self._evaluates[evaluates], "examples": examples, "targets": targets}
        return {**self._fixed, **state.statistics, **own}

    def with_carry(self, state: BlocksState, carry: Any) -> BlocksState:
        """Return the state unchanged. Raises ValueError for any carry but None: blocks are made of feed-forward networks."""
        if carry is not None:
            raise ValueError("the engine of blocks carries no state from batch to batch; train by the engine of the whole")
        return state

    def outputs_with_carry(self, state: BlocksState, inputs: Array, carry: Any) -> tuple[Array, Any]:
        """Return the logits (batch, classes) and None. Raises ValueError for any carry but None."""
        return self.outputs(self.with_carry(state, carry), inputs), None

    def _calls_for(self, inputs: Array, *, training: bool) -> tuple[BlockCall, ...]:
        """Return the calls for inputs of this shape and dtype, which determine all other shapes and dtypes."""
        key = (training, inputs.shape, inputs.dtype)
        if key not in self._calls:
            calls = self._graph.calls if training else self._graph.evaluation
            self._calls[key] = tuple(call._replace(block=call.block and call.block.for_one_call()) for call in calls)
        return self._calls[key]

    def arrays(self, state: BlocksState) -> dict[str, np.ndarray]:
        """Return the state as plain arrays by name, with the names and shapes of the engine `whole`."""
        arrays = self._unpacked(state.pages, "parameters.")
        arrays |= {f"statistics.{name}": np.array(array) for name, array in state.statistics.items()}
        for path, leaf in jax.tree.leaves_with_path(state.optimizer, is_leaf=self._is_pages):
            name = ".".join(("optimizer", jax.tree_util.keystr(path, simple=True, separator=".")))
            arrays |= self._unpacked(leaf, f"{name}.") if self._is_pages(leaf) else {name: np.array(leaf)}
        if state.average is not None:
            arrays |= {**self._unpacked(state.average, "average."), "averaged": np.array(state.averaged)}
        return arrays

    def state(self, arrays: Mapping[str, np.ndarray]) -> BlocksState:
        """Return the state that `arrays` came from; the gradients are zero."""
        fresh = self.initial()

        def restored(path: Any, leaf: Any) -> Any:
            name = ".".join(("optimizer", jax.tree_util.keystr(path, simple=True, separator=".")))
            return self._packed(_with_prefix(f"{name}.", arrays)) if self._is_pages(leaf) else jax.device_put(arrays[name])

        optimizer = jax.tree.map_with_path(restored, fresh.optimizer, is_leaf=self._is_pages)
        statistics = {name: jax.device_put(arrays[f"statistics.{name}"]) for name in fresh.statistics}
        pages = self._packed(_with_prefix("parameters.", arrays))
        if self._average_decay is None:
            return BlocksState(pages, fresh.gradients, statistics, optimizer)
        average = self._packed(_with_prefix("average.", arrays)), jax.device_put(arrays["averaged"])
        return BlocksState(pages, fresh.gradients, statistics, optimizer, *average)

    def _packed(self, arrays: Mapping[str, np.ndarray]) -> FlatArrays:
        """Copy named arrays into pages."""
        pages = [np.zeros(size, np.float32) for size in self._graph.pages]
        for call, sources in zip(self._graph.calls, self._graph.sources, strict=True):
            start = int(call.offset)
            for source in sources.values():
                flat = np.asarray(arrays[source.array])[_slice(source)].ravel()
                pages[call.page][start : start + flat.size] = flat
                start += flat.size
        return jax.device_put(tuple(pages))

    def _unpacked(self, pages: FlatArrays, prefix: str) -> dict[str, np.ndarray]:
        """Copy pages into named arrays, whose names begin with `prefix`."""
        flat = [np.asarray(page) for page in pages]
        arrays = {f"{prefix}{name}": np.empty(array.shape, np.float32) for name, array in self._initial_arrays[0].items()}
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
        """Return whether a part of the optimizer's state has one number for every parameter."""
        shapes = [(size,) for size in self._graph.pages]
        return type(leaf) is tuple and [getattr(page, "shape", None) for page in leaf] == shapes


@contextmanager
def _as_programs() -> Iterator[None]:
    """Have NumPy compute as programs do: on one thread, and silent where numbers are not finite."""
    with np.errstate(all="ignore"), one_thread():
        yield


_NO_PAGE = np.zeros(0, np.float32)

_spatial_first = compiled(lambda examples: examples.transpose(1, 2, 0, 3), identity="spatial_first")


def _spatial_first_by_numpy(examples: Array) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(examples).transpose(1, 2, 0, 3))


@cache
def _update(rule: optax.TransformUpdateFn, average_decay: float | None) -> Any:
    """Return the update program, which all networks with pages of the same sizes share.

    It reads and writes every parameter and does little with each, so it is compiled for speed: it takes half the time.
    """

    def update(trained: Trained, gradients: FlatArrays, rate: Array) -> tuple[Any, ...]:
        pages, optimizer, average, averaged = trained
        changes, optimizer = rule(gradients, optimizer, pages)
        pages = jax.tree.map(lambda page, change: page - rate * change, pages, changes)
        return pages, optimizer, *updated_average(average_decay, average, averaged, pages)

    return compiled(update, donate_argnums=0, long=True)


def _slice(source: ParameterSource) -> tuple[slice, ...]:
    return (slice(None),) * source.axis + (slice(source.start, source.stop),)


def _with_prefix(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

"""The engine `whole`: a network as one program for a training step, and one for a prediction."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array

from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.engines.ema import initial_average, updated_average
from automl_cli.nn.engines.protocol import StepContext, required_context
from automl_cli.nn.interpret.library_rules import scoring_offset
from automl_cli.nn.losses import Loss
from automl_cli.nn.networks import DropSettings
from automl_cli.nn.networks.drop_path import DropMasks

Arrays = dict[str, Array]

SHARED = 2
"""Networks whose programs are kept for the next child: searches of rules and functions train one network again and again."""


class WholeState(NamedTuple):
    """State of a training: parameters and running statistics by name, e.g. `blocks.layer1.kernel`, and the optimizer's state.

    If the engine keeps an average, `average` holds the parameters to score with, their moving average or that of the update
    rule, and `averaged` the number of steps in it. `carry` is the carry of the network between batches during an epoch.
    """

    parameters: Arrays
    statistics: Arrays
    optimizer: Any
    average: Arrays | None = None
    averaged: Array | None = None
    carry: Any = None


class WholeEngine:
    """Engine (`engines.protocol.Engine`) that traces a Flax module into one program per use.

    The update rule is an Optax transformation without a learning rate: parameters <- parameters - rate * update(gradient).
    `drop` are the drop settings in training. With `average_decay` a moving average of the parameters is kept (`engines.ema`)
    and used by `outputs`; a rule that averages by itself (`interpret.library_rules`) is scored with its average instead, which
    is right at a constant rate. With `half`, activations and their gradients are bfloat16; parameters, statistics, the
    classifier and the loss stay float32.

    A network with a carry is called with (inputs, carry) and returns (outputs, new carry). Inputs are (batch, …), targets
    (batch, …), outputs (batch, …).
    """

    def __init__(
        self,
        model: nnx.Module,
        *,
        loss: Loss,
        update_rule: optax.GradientTransformation,
        drop: DropSettings | None = None,
        average_decay: float | None = None,
        half: bool = False,
    ) -> None:
        graph, parameters, statistics = nnx.split(model, nnx.Param, nnx.BatchStat)  # type: ignore[misc]
        paths = tuple(path for state in (parameters, statistics) for path, _ in nnx.to_flat_state(state))
        self._initial_arrays = _by_name(parameters), _by_name(statistics)
        self._init = update_rule.init
        self._drop = drop
        self._average_decay = average_decay
        traced = _Traced(graph, paths, loss, update_rule.update, drop, average_decay, half)
        self._step, self._outputs, self._outputs_with_carry = _programs(traced)

    def initial(self) -> WholeState:
        """Return the state before the first step, a pytree."""
        parameters, statistics = jax.device_put(self._initial_arrays, may_alias=False)  # the step gives their memory away
        optimizer = self._init(parameters)
        decay = self._average_decay if scoring_offset(optimizer) is None else 0.0  # any number: it starts from the parameters
        return WholeState(parameters, statistics, optimizer, *initial_average(decay, parameters))

    def step(
        self, state: WholeState, inputs: Array, targets: Array, rate: float, context: StepContext | None = None
    ) -> tuple[WholeState, Array]:
        """Take one step on one batch at learning rate `rate`; return the new state and the loss before the step, a scalar.

        Raises ValueError if the engine drops paths or features and `context` is None.
        """
        if self._drop is None:
            return self._step(state, inputs, targets, np.float32(rate))
        context = required_context(context)
        return self._step(state, inputs, targets, np.float32(rate), context.key, np.float32(context.progress))

    def outputs(self, state: WholeState, inputs: Array) -> Array:
        """Return the outputs (batch, …) of the network in evaluation mode."""
        return self._outputs(_evaluation_parameters(state), state.statistics, inputs)

    def with_carry(self, state: WholeState, carry: Any) -> WholeState:
        """Return the state with a copy of this carry, a pytree of arrays, or without one for None."""
        return state._replace(carry=jax.tree.map(jnp.array, carry))  # copied, since the step gives its memory away

    def outputs_with_carry(self, state: WholeState, inputs: Array, carry: Any) -> tuple[Array, Any]:
        """Return the outputs (batch, …) in evaluation mode, and the carry for the next batch, a pytree."""
        return self._outputs_with_carry(_evaluation_parameters(state), state.statistics, inputs, carry)

    def arrays(self, state: WholeState) -> dict[str, np.ndarray]:
        """Return the state without its carry, as plain arrays by name."""
        return {_name(path): np.array(leaf) for path, leaf in jax.tree.leaves_with_path(state._replace(carry=None))}

    def state(self, arrays: Mapping[str, np.ndarray]) -> WholeState:
        """Return the state that `arrays` came from."""
        return jax.tree.map_with_path(lambda path, _: jax.device_put(arrays[_name(path)]), self.initial())


def _apply(model: Any, inputs: Array, carry: Any, **options: Any) -> tuple[Any, Any]:
    """Return the outputs of the network and its new carry, through which no gradient flows back into earlier batches."""
    if carry is None:
        return model(inputs, **options), None
    outputs, after = model(inputs, carry, **options)
    return outputs, jax.lax.stop_gradient(after)


def _evaluation_parameters(state: WholeState) -> Arrays:
    """Return the parameters for evaluation: their moving average, if there is one."""
    return state.parameters if state.average is None else state.average


def named_arrays(model: nnx.Module) -> tuple[Arrays, Arrays]:
    """Return the parameters and the running statistics of a model, two mappings from path to array of any shape."""
    return _by_name(nnx.state(model, nnx.Param)), _by_name(nnx.state(model, nnx.BatchStat))


def _by_name(state: nnx.State) -> Arrays:
    return {_dotted(path): variable[...] for path, variable in nnx.to_flat_state(state)}


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


@dataclass(frozen=True)
class _Traced:
    """Everything that the programs of a network depend on, and the functions that are traced into them."""

    graph: nnx.GraphDef
    paths: tuple[tuple[Any, ...], ...]
    loss: Loss
    update: optax.TransformUpdateFn
    drop: DropSettings | None
    average_decay: float | None
    half: bool

    def step(self, state: WholeState, inputs: Array, targets: Array, rate: Array, *context: Array) -> tuple[WholeState, Array]:
        """Return the state behind a step, and the loss before it."""
        drop = {} if self.drop is None else {"drop": DropMasks(self.drop, *context)}

        def objective(parameters: Arrays) -> tuple[Array, tuple[Arrays, Any]]:
            model = self._model(parameters, state.statistics)
            outputs, carry = _apply(model, self._as_activations(inputs), state.carry, train=True, **drop)
            return self.loss(outputs, targets), (_by_name(nnx.state(model, nnx.BatchStat)), carry)

        (loss, (statistics, carry)), gradient = jax.value_and_grad(objective, has_aux=True)(state.parameters)
        updates, optimizer = self.update(gradient, state.optimizer, state.parameters)
        parameters = jax.tree.map(lambda parameter, update: parameter - rate * update, state.parameters, updates)
        average = self._average_after(state, parameters, optimizer, rate)
        return WholeState(parameters, statistics, optimizer, *average, carry=carry), loss

    def _average_after(
        self, state: WholeState, parameters: Arrays, optimizer: Any, rate: Array
    ) -> tuple[Arrays | None, Array | None]:
        """Return the parameters to score with after a step, and the number of steps in them; None where those of the step are
        scored."""
        offset = scoring_offset(optimizer)
        if offset is None or state.averaged is None:
            return updated_average(self.average_decay, state.average, state.averaged, parameters)
        return jax.tree.map(lambda parameter, part: parameter - rate * part, parameters, offset), state.averaged + 1

    def outputs(self, parameters: Arrays, statistics: Arrays, inputs: Array) -> Array:
        """Return the outputs in evaluation mode."""
        return self._model(parameters, statistics)(self._as_activations(inputs), train=False)

    def outputs_with_carry(self, parameters: Arrays, statistics: Arrays, inputs: Array, carry: Any) -> tuple[Array, Any]:
        """Return the outputs in evaluation mode, and the carry for the next batch."""
        return _apply(self._model(parameters, statistics), self._as_activations(inputs), carry, train=False)

    def _as_activations(self, inputs: Array) -> Array:
        """Cast floating-point inputs to the dtype of activations; integers such as tokens stay as they are."""
        return (
            inputs if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs.astype(jnp.bfloat16 if self.half else jnp.float32)
        )

    def _model(self, parameters: Arrays, statistics: Arrays) -> Any:
        return nnx.merge(self.graph, self._as_state(parameters, nnx.Param), self._as_state(statistics, nnx.BatchStat))

    def _as_state(self, arrays: Arrays, kind: type[nnx.Variable]) -> nnx.State:
        """Invert `_by_name`. A block's name may contain dots, so paths are looked up."""
        paths = {_dotted(path): path for path in self.paths}
        flat: dict[tuple[Any, ...], Any] = {paths[name]: kind(array) for name, array in arrays.items()}
        return nnx.from_flat_state(flat)


@lru_cache(SHARED)
def _programs(traced: _Traced) -> tuple[Program, Program, Program]:
    """Return the programs of a step, of outputs, and of outputs with a carry: the same for equal networks and settings."""
    step = compiled(traced.step, long=True, donate_argnums=0)
    return step, compiled(traced.outputs, long=True), compiled(traced.outputs_with_carry, long=True)

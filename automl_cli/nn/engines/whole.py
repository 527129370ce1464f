"""The whole network as one program: one training step, and one prediction."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array

from automl_cli.nn.compilation import compiled
from automl_cli.nn.engines.ema import first_mean, running_mean
from automl_cli.nn.engines.protocol import StepContext, needed
from automl_cli.nn.losses import Loss
from automl_cli.nn.networks import DropSettings
from automl_cli.nn.networks.drop_path import DropMasks

Arrays = dict[str, Array]


class WholeState(NamedTuple):
    """Parameters and running statistics by their place in the network, e.g. `blocks.layer1.kernel`.

    `average` is the running mean of the parameters, and how many steps are in it, where the engine keeps one. `carry` is what
    the network carries from batch to batch, while it is trained.
    """

    parameters: Arrays
    statistics: Arrays
    optimizer: Any
    average: Arrays | None = None
    averaged: Array | None = None
    carry: Any = None


class WholeEngine:
    """Traces a Flax module into one program per use. See `engines.protocol.Engine`.

    The update rule is an Optax transformation without a learning rate: parameters <- parameters - rate * update(gradient).
    `drop` is what the model drops in training. With `average_decay` a running mean of the parameters is kept
    (`engines.averages`) and is what `outputs` uses. With `half` activations and their gradients are bfloat16; parameters,
    statistics, the classifier and the loss stay float32.

    A network that carries state is called with it, and gives the new one with its outputs.
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
        self._graph: nnx.GraphDef = graph
        self._drawn = _by_name(parameters), _by_name(statistics)
        self._places = {_joined(path): path for state in (parameters, statistics) for path, _ in nnx.to_flat_state(state)}
        self._loss = loss
        self._update_rule = update_rule
        self._drop = drop
        self._average_decay = average_decay
        self._activations = jnp.bfloat16 if half else jnp.float32
        self._step = compiled(self._traced_step, long=True, donate_argnums=0)
        self._outputs = compiled(self._traced_outputs, long=True)
        self._carried_outputs = compiled(self._traced_carried_outputs, long=True)

    def initial(self) -> WholeState:
        parameters, statistics = (jax.tree.map(jnp.copy, drawn) for drawn in self._drawn)
        average = first_mean(self._average_decay, parameters)
        return WholeState(parameters, statistics, self._update_rule.init(parameters), *average)

    def step(
        self, state: WholeState, inputs: Array, targets: Array, rate: float, context: StepContext | None = None
    ) -> tuple[WholeState, Array]:
        if self._drop is None:
            return self._step(state, inputs, targets, np.float32(rate))
        context = needed(context)
        return self._step(state, inputs, targets, np.float32(rate), context.key, np.float32(context.progress))

    def outputs(self, state: WholeState, inputs: Array) -> Array:
        return self._outputs(_scored(state), state.statistics, inputs)

    def carrying(self, state: WholeState, carry: Any) -> WholeState:
        return state._replace(carry=jax.tree.map(jnp.array, carry))  # copied, since the step gives its memory away

    def carried_outputs(self, state: WholeState, inputs: Array, carry: Any) -> tuple[Array, Any]:
        return self._carried_outputs(_scored(state), state.statistics, inputs, carry)

    def arrays(self, state: WholeState) -> dict[str, np.ndarray]:
        return {_name(path): np.array(leaf) for path, leaf in jax.tree.leaves_with_path(state._replace(carry=None))}

    def state(self, arrays: Mapping[str, np.ndarray]) -> WholeState:
        return jax.tree.map_with_path(lambda path, _: jnp.array(arrays[_name(path)]), self.initial())

    def _traced_step(
        self, state: WholeState, inputs: Array, targets: Array, rate: Array, *context: Array
    ) -> tuple[WholeState, Array]:
        drop = {} if self._drop is None else {"drop": DropMasks(self._drop, *context)}

        def objective(parameters: Arrays) -> tuple[Array, tuple[Arrays, Any]]:
            model = self._model(parameters, state.statistics)
            outputs, carry = _called(model, self._as_activations(inputs), state.carry, train=True, **drop)
            return self._loss(outputs, targets), (_by_name(nnx.state(model, nnx.BatchStat)), carry)

        (loss, (statistics, carry)), gradient = jax.value_and_grad(objective, has_aux=True)(state.parameters)
        updates, optimizer = self._update_rule.update(gradient, state.optimizer, state.parameters)
        parameters = jax.tree.map(lambda parameter, update: parameter - rate * update, state.parameters, updates)
        average = running_mean(self._average_decay, state.average, state.averaged, parameters)
        return WholeState(parameters, statistics, optimizer, *average, carry=carry), loss

    def _traced_outputs(self, parameters: Arrays, statistics: Arrays, inputs: Array) -> Array:
        return self._model(parameters, statistics)(self._as_activations(inputs), train=False)

    def _traced_carried_outputs(self, parameters: Arrays, statistics: Arrays, inputs: Array, carry: Any) -> tuple[Array, Any]:
        return _called(self._model(parameters, statistics), self._as_activations(inputs), carry, train=False)

    def _as_activations(self, inputs: Array) -> Array:
        """Numbers in the precision of activations; tokens and other whole numbers as they are."""
        return inputs if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs.astype(self._activations)

    def _model(self, parameters: Arrays, statistics: Arrays) -> Any:
        return nnx.merge(self._graph, self._as_state(parameters, nnx.Param), self._as_state(statistics, nnx.BatchStat))

    def _as_state(self, arrays: Arrays, kind: type[nnx.Variable]) -> nnx.State:
        """The inverse of `_by_name`. A block's name may hold dots, so the places are looked up."""
        flat: dict[tuple[Any, ...], Any] = {self._places[name]: kind(array) for name, array in arrays.items()}
        return nnx.from_flat_state(flat)


def _called(model: Any, inputs: Array, carry: Any, **more: Any) -> tuple[Any, Any]:
    """What the network gives, and what it carries on; no gradient flows back into earlier batches."""
    if carry is None:
        return model(inputs, **more), None
    outputs, after = model(inputs, carry, **more)
    return outputs, jax.lax.stop_gradient(after)


def _scored(state: WholeState) -> Arrays:
    """The parameters that are scored: their running mean where there is one."""
    return state.parameters if state.average is None else state.average


def named_arrays(model: nnx.Module) -> tuple[Arrays, Arrays]:
    """Parameters and running statistics of a model by their place in it."""
    return _by_name(nnx.state(model, nnx.Param)), _by_name(nnx.state(model, nnx.BatchStat))


def _by_name(state: nnx.State) -> Arrays:
    return {_joined(path): variable[...] for path, variable in nnx.to_flat_state(state)}


def _joined(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")

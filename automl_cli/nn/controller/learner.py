"""The compiled programs of a controller: draw a minibatch, score genotypes, update.

Programs depend on the decisions, the size of the LSTM and the objective; everything else is an argument. Each is compiled once
per process and shape, whatever the number of studies.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from automl_cli.core.decisions import DecisionList
from automl_cli.nn.controller.layout import StepLayout
from automl_cli.nn.controller.network import State, initial_state
from automl_cli.nn.controller.objectives import Batch, Coefficients, Genotypes, ObjectiveName, objective
from automl_cli.nn.controller.rollout import Array, Rollout, draw, score

_compiled = partial(
    jax.jit,
    static_argnums=0,
    compiler_options={"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False},
)
"""Compile a method without optimisation: compiling is five times faster and running three times slower. That pays off up to
some thousand updates, and one update takes milliseconds either way."""


class LearnerState(NamedTuple):
    """The learned state of a policy strategy, a pytree: parameters and moments of the optimizer."""

    parameters: State
    moments: optax.OptState


@dataclass(frozen=True)
class ControllerSize:
    """Number of layers of the LSTM, and units per layer."""

    layers: int
    units: int


class Learner:
    """Pure functions of a `LearnerState`."""

    def __init__(self, decisions: DecisionList, size: ControllerSize, name: ObjectiveName) -> None:
        self.layout = StepLayout(decisions)
        self._size = size
        self._name = name
        self._graph, _ = initial_state(self.layout, layers=size.layers, units=size.units, scale=0.0, seed=0)
        self._adam = optax.scale_by_adam()

    def fresh(self, *, initial_range: float, seed: int) -> LearnerState:
        """Return a state with parameters uniform in [-initial_range, initial_range], on the CPU.

        All programs then run on the CPU, since they are tiny.
        """
        _, parameters = initial_state(
            self.layout, layers=self._size.layers, units=self._size.units, scale=initial_range, seed=seed
        )
        return jax.device_put(LearnerState(parameters, self._adam.init(parameters)), jax.local_devices(backend="cpu")[0])

    @_compiled
    def draw(self, parameters: State, uniforms: Array, lengths: Array, exploration: Array) -> Rollout:
        """Draw a genotype from each row of uniforms (batch, decisions); see `rollout.draw`."""
        return draw(self.layout, nnx.merge(self._graph, parameters), uniforms, lengths, exploration)

    @_compiled
    def score(self, parameters: State, genotypes: Genotypes) -> Rollout:
        """Return log-probabilities and entropies, each (batch,), of these genotypes; see `rollout.score`."""
        return score(self.layout, nnx.merge(self._graph, parameters), genotypes.indices, genotypes.lengths)

    def objective(self, parameters: State, batch: Batch, rates: Coefficients) -> jax.Array:
        """Return the objective, a scalar, that `update` increases."""
        return objective(self._name, self.layout, nnx.merge(self._graph, parameters), batch, rates)

    @_compiled
    def gradient(self, parameters: State, batch: Batch, rates: Coefficients) -> State:
        """Return the gradient of the first step of `update`, a pytree like the parameters."""
        return jax.grad(self.objective)(parameters, batch, rates)

    @_compiled
    def update(self, state: LearnerState, batch: Batch, rates: Coefficients, epochs: int) -> LearnerState:
        """Take `epochs` steps of Adam up the objective, all on the same batch.

        The REINFORCE estimator holds only for the policy that drew the proposals, so advantages count in the first step only.
        Later steps train on the queue, and on the entropy if it has a weight.
        """

        def step(epoch: int, state: LearnerState) -> LearnerState:
            used = jnp.where(epoch == 0, batch.advantages, 0) if self._name == "reinforce" else batch.advantages
            gradient = jax.grad(self.objective)(state.parameters, batch._replace(advantages=used), rates)
            direction, moments = self._adam.update(gradient, state.moments)
            parameters = jax.tree.map(lambda p, d: p + rates.learning_rate * d, state.parameters, direction)
            return LearnerState(parameters, moments)

        return jax.lax.fori_loop(0, epochs, step, state)


@cache
def learner(decisions: DecisionList, size: ControllerSize, name: ObjectiveName) -> Learner:
    """Return the learner of these decisions, this size and this objective, one per process."""
    return Learner(decisions, size, name)

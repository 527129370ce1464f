"""The learner of a controller: it draws minibatches, scores genotypes and updates the parameters."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from automl_cli.core.decisions import DecisionList
from automl_cli.strategies.controller.gradients import gradient
from automl_cli.strategies.controller.layout import StepLayout
from automl_cli.strategies.controller.objectives import Batch, Coefficients, Genotypes, ObjectiveName, weights
from automl_cli.strategies.controller.parameters import Floats, Parameters, initial_parameters
from automl_cli.strategies.controller.rollout import Integers, Rollout, draw, score

FIRST_DECAY, SECOND_DECAY, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants (arXiv 1412.6980, algorithm 1)."""


class LearnerState(NamedTuple):
    """The learned state of a policy strategy: parameters, Adam's first and second moments of each, and its number of steps."""

    parameters: Parameters
    first: Parameters
    second: Parameters
    steps: int = 0


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

    def fresh(self, *, initial_range: float, seed: int) -> LearnerState:
        """Return a state with parameters uniform in [-initial_range, initial_range]."""
        size = self._size
        parameters = initial_parameters(self.layout, layers=size.layers, units=size.units, scale=initial_range, seed=seed)
        first, second = ({name: np.zeros_like(array) for name, array in parameters.items()} for _ in range(2))
        return LearnerState(parameters, first, second)

    def draw(self, parameters: Parameters, uniforms: Floats, lengths: Integers, exploration: Floats) -> Rollout:
        """Draw a genotype from each row of uniforms (batch, decisions); see `rollout.draw`."""
        return draw(self.layout, parameters, uniforms, lengths, exploration)

    def score(self, parameters: Parameters, genotypes: Genotypes) -> Rollout:
        """Return log-probabilities and entropies, each (batch,), of these genotypes; see `rollout.score`."""
        return score(self.layout, parameters, genotypes.indices, genotypes.lengths).rollout

    def gradient(self, parameters: Parameters, batch: Batch, rates: Coefficients) -> Parameters:
        """Return the gradient of the objective. Proposals and queue are scored in one rollout."""
        both = Genotypes(*(np.concatenate(pair) for pair in zip(batch.proposals, batch.queue, strict=True)))
        walk = score(self.layout, parameters, both.indices, both.lengths)
        of_each, of_entropies = weights(self._name, walk.rollout.log_probability, batch, rates)
        return gradient(self.layout, parameters, walk, weights=of_each, entropy_weights=of_entropies)

    def update(self, state: LearnerState, batch: Batch, rates: Coefficients, epochs: int) -> LearnerState:
        """Take `epochs` steps of Adam up the objective, all on the same batch.

        The REINFORCE estimator holds only for the policy that drew the proposals, so advantages count in the first step only.
        Later steps train on the queue, and on the entropy if it has a weight.
        """
        for epoch in range(epochs):
            counts = epoch == 0 or self._name != "reinforce"
            used = batch if counts else batch._replace(advantages=np.zeros_like(batch.advantages))
            state = _adam(state, self.gradient(state.parameters, used, rates), rates.learning_rate)
        return state


def _adam(state: LearnerState, gradient: Parameters, learning_rate: float) -> LearnerState:
    """Return the state behind a step of Adam up this gradient."""
    steps = state.steps + 1
    first = {name: FIRST_DECAY * old + (1 - FIRST_DECAY) * gradient[name] for name, old in state.first.items()}
    second = {name: SECOND_DECAY * old + (1 - SECOND_DECAY) * gradient[name] ** 2 for name, old in state.second.items()}
    of_first, of_second = 1 - FIRST_DECAY**steps, 1 - SECOND_DECAY**steps
    parameters = {
        name: array + learning_rate * (first[name] / of_first) / (np.sqrt(second[name] / of_second) + EPSILON)
        for name, array in state.parameters.items()
    }
    return LearnerState(parameters, first, second, steps)

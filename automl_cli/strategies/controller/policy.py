"""The controller's interface for strategies: genotypes and plain numbers in, genotypes and plain numbers out."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from automl_cli.core.decisions import DecisionList, Genotype
from automl_cli.strategies.controller.learner import ControllerSize, Learner
from automl_cli.strategies.controller.objectives import Batch, Coefficients, Genotypes, ObjectiveName


class Example(Struct, frozen=True):
    """A proposal to learn from: its genotype, its advantage, and its log-probability when it was drawn."""

    genotype: Genotype
    advantage: float
    log_probability: float


class ControllerPolicy:
    """A trainable distribution over the genotypes of a space. Only `learn` changes it."""

    def __init__(
        self, decisions: DecisionList, size: ControllerSize, *, objective: ObjectiveName, initial_range: float, seed: int
    ) -> None:
        self._decisions = decisions
        self._learner = Learner(decisions, size, objective)
        self._state = self._learner.fresh(initial_range=initial_range, seed=seed)

    def draw(
        self, uniforms: Sequence[Sequence[float]], lengths: Sequence[int], *, exploration: float = 0.0
    ) -> list[tuple[Genotype, float]]:
        """Return one genotype with its log-probability for each row of uniforms, which has one uniform per decision of the
        space.

        `lengths` are the live lengths. `exploration` is the mean number of decisions of a genotype that are drawn uniformly
        instead of from the policy.
        """
        rollout = self._learner.draw(
            self._state.parameters,
            np.asarray(uniforms, np.float64),
            np.asarray(lengths, np.int32),
            np.full(len(lengths), exploration),
        )
        rows = zip(rollout.genotypes.tolist(), lengths, rollout.log_probability.tolist(), strict=True)
        return [(tuple(row[:length]), log_probability) for row, length, log_probability in rows]

    def log_probabilities(self, genotypes: Sequence[Genotype]) -> list[float]:
        """Return the log-probability of each genotype, of any live length, under the current policy."""
        rollout = self._learner.score(self._state.parameters, self._pack(genotypes, len(genotypes)))
        return [float(value) for value in rollout.log_probability]

    def learn(
        self, examples: Sequence[Example], *, best: Sequence[Genotype], queue_size: int, rates: Coefficients, epochs: int
    ) -> None:
        """Take `epochs` steps up the objective on these examples and on the best genotypes, in a queue of `queue_size`
        places."""
        weights = np.zeros(queue_size)
        weights[: len(best)] = 1 / max(1, len(best))
        batch = Batch(
            proposals=self._pack([example.genotype for example in examples], len(examples)),
            advantages=np.asarray([example.advantage for example in examples], np.float64),
            log_probabilities=np.asarray([example.log_probability for example in examples], np.float64),
            queue=self._pack(best, queue_size),
            queue_weights=weights,
        )
        self._state = self._learner.update(self._state, batch, rates, epochs)

    def _pack(self, genotypes: Sequence[Genotype], rows: int) -> Genotypes:
        """Return genotypes as arrays of a fixed shape (rows, decisions): 0 behind their length, empty rows behind the last."""
        indices = np.zeros((rows, len(self._decisions)), np.int32)
        lengths = np.zeros(rows, np.int32)
        for row, genotype in enumerate(genotypes):
            indices[row, : len(genotype)] = genotype
            lengths[row] = len(genotype)
        return Genotypes(indices, lengths)

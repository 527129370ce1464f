"""Propose uniformly over the live decisions and learn nothing: what the other strategies must beat."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import EarlierTrial
from automl_cli.core.random_streams import stream
from automl_cli.core.settings import NoOptions, check_options
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal

TRIES = 100
"""How often a genotype that an earlier search measured is drawn again at most."""


class RandomSearch:
    """Draws proposal t from `stream(seed, "uniform proposal", t)`, every live decision uniformly and independently.

    What an earlier search measured is drawn again, at most `TRIES` times.
    """

    summary = "Draws every proposal uniformly and learns nothing: what the others must beat."
    settings = NoOptions
    starts_from_genotypes = False
    earlier = "does not propose them again"
    small_spaces_only = False
    draws = True
    batch = 1
    learns_nothing: Literal[True] = True

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return no constants. Raises UserError for any that is given."""
        check_options(NoOptions, given, owner="strategy random")
        return {}

    def __init__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> None:
        self._space = space
        self._seed = seed
        self._known: set[Genotype] = set()
        """What an earlier search measured, by what it means."""

    def take_over(self, earlier: Sequence[EarlierTrial]) -> None:
        """Note what need not be measured again."""
        self._known = {self._space.canonical(trial.genotype) for trial in earlier}

    def ask(self, trial: int) -> Proposal:
        """Return the uniform proposal of this trial."""
        random, length = stream(self._seed, "uniform proposal", trial), self._space.length(trial)
        genotype = self._space.decisions.sample(random, length)
        for _ in range(TRIES if self._known else 0):
            if self._space.canonical(genotype) not in self._known:
                break
            genotype = self._space.decisions.sample(random, length)
        return Proposal(genotype)

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Do nothing: there is nothing to learn."""

"""Propose uniformly over the live decisions and learn nothing: what the other strategies must beat."""

from collections.abc import Mapping
from typing import Any

from automl_cli.core.settings import NoOptions, check_options
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Proposal


class RandomSearch:
    """Draws proposal t from `stream(seed, "uniform proposal", t)`, every live decision uniformly and independently."""

    summary = "Draws every proposal uniformly and learns nothing: what the others must beat."
    settings = NoOptions
    starts_from_genotypes = False
    small_spaces_only = False
    draws = True
    batch = 1

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return no constants. Raises UserError for any that is given."""
        check_options(NoOptions, given, owner="strategy random")
        return {}

    def __init__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> None:
        self._space = space
        self._seed = seed

    def ask(self, trial: int) -> Proposal:
        """Return the uniform proposal of this trial."""
        return Proposal(self._space.sample(self._seed, trial))

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """Do nothing: there is nothing to learn."""

"""REINFORCE with a moving baseline (NAS, arXiv 1611.01578, section 3.2).

    grad J ~ (1/m) sum_k sum_t grad log P(a_t | a_(t-1) … a_1) (R_k - b)

m proposals from one policy, b the moving average of the rewards before (for the first m, their own mean), Adam. The paper's
update is asynchronous: so is this one where more than one minibatch is in flight, and as in the paper no correction is made for
the policy having moved.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from automl_cli.core.plugins import SearchSpace
from automl_cli.core.trials import Proposal
from automl_cli.strategies.policy_search import PolicySearch, PolicySettings, rule
from automl_cli.strategies.settings import read, settle

PAPER = {"layers": 2, "units": 35, "initial_range": 0.08, "learning_rate": 0.0006, "minibatch": 8}
"""Section 4.1 of the paper. The decay of its baseline is not known; 0.95, the default, is NASNet's."""


class Reinforce:
    """The policy gradient, one step for every minibatch; the rule from the budget is `policy_search`'s."""

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Given constants over the rule from the budget, or over the paper's with `constants=paper`."""
        sources = {"budget": rule(trials), "paper": PAPER}
        return dict(msgspec.to_builtins(settle(PolicySettings, given, strategy="reinforce", sources=sources)))

    def __init__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> None:
        resolved = read(PolicySettings, settings, strategy="reinforce")
        self._search = PolicySearch(space, seed=seed, settings=resolved, objective="reinforce")
        self.batch = self._search.batch

    def ask(self, trial: int) -> Proposal:
        """A draw from the policy, with its log-probability."""
        return self._search.ask(trial)

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """One more of a minibatch."""
        self._search.tell(trial, proposal, reward)

"""Proximal policy optimization (Schulman et al., arXiv 1707.06347) as NASNet uses it (arXiv 1707.07012, appendix A).

    maximise mean_k min(r_k A_k, clip(r_k, 1 - c, 1 + c) A_k) + entropy,     r_k = P(a_k) / P_old(a_k)

P_old(a_k) is the probability under the policy that proposed it, from the proposal itself. A genotype counts as one action.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from automl_cli.core.plugins import SearchSpace
from automl_cli.core.trials import Proposal
from automl_cli.strategies.policy_search import PolicySearch, PolicySettings, rule
from automl_cli.strategies.settings import read, settle

PAPER = {
    "layers": 1,
    "units": 100,
    "initial_range": 0.1,
    "learning_rate": 0.00035,
    "minibatch": 20,
    "entropy_weight": 0.00001,
    "baseline_decay": 0.95,
    "epochs": 4,
    "clip": 0.2,
}
"""NASNet's controller. Clip range and number of epochs are not known; these are common ones."""


class PPO:
    """Several clipped steps for every minibatch; the rule from the budget is `policy_search`'s."""

    @staticmethod
    def resolve(trials: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """Given constants over the rule from the budget, or over NASNet's with `constants=paper`."""
        sources = {"budget": rule(trials), "paper": PAPER}
        return dict(msgspec.to_builtins(settle(PolicySettings, given, strategy="ppo", sources=sources)))

    def __init__(self, space: SearchSpace, *, seed: int, settings: Mapping[str, Any]) -> None:
        resolved = read(PolicySettings, settings, strategy="ppo")
        self._search = PolicySearch(space, seed=seed, settings=resolved, objective="ppo")
        self.batch = self._search.batch

    def ask(self, trial: int) -> Proposal:
        """A draw from the policy, with its log-probability."""
        return self._search.ask(trial)

    def tell(self, trial: int, proposal: Proposal, reward: float | None) -> None:
        """One more of a minibatch."""
        self._search.tell(trial, proposal, reward)

"""Proximal policy optimization (Schulman et al., arXiv 1707.06347) as NASNet uses it (arXiv 1707.07012, appendix A).

    maximise mean_k min(r_k A_k, clip(r_k, 1 - c, 1 + c) A_k) + entropy,     r_k = P(a_k) / P_old(a_k)

P_old(a_k) is the probability under the policy that proposed it, from the proposal itself. A genotype counts as one action.
"""

from automl_cli.strategies.policy_search import PolicyRule

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

PPO = PolicyRule(
    name="ppo",
    summary="Teaches a controller by several clipped steps for every minibatch (PPO).",
    objective="ppo",
    paper=PAPER,
)
"""Several clipped steps for every minibatch; the rule from the budget is `policy_search`'s."""

"""REINFORCE with a moving baseline (NAS, arXiv 1611.01578, section 3.2).

    grad J ~ (1/m) sum_k sum_t grad log P(a_t | a_(t-1) … a_1) (R_k - b)

m proposals from one policy, b the moving average of the rewards before (for the first m, their own mean), Adam. The paper's
update is asynchronous: so is this one where more than one minibatch is in flight, and as in the paper no correction is made for
the policy having moved.
"""

from automl_cli.strategies.policy_search import PolicyRule

PAPER = {"layers": 2, "units": 35, "initial_range": 0.08, "learning_rate": 0.0006, "minibatch": 8}
"""Section 4.1 of the paper. The decay of its baseline is not known; 0.95, the default, is NASNet's."""

REINFORCE = PolicyRule(
    name="reinforce",
    summary="Teaches a controller by the policy gradient, one step for every minibatch (REINFORCE).",
    objective="reinforce",
    paper=PAPER,
)
"""The policy gradient, one step for every minibatch; the rule from the budget is `policy_search`'s."""

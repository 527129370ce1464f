"""The controller: an LSTM that proposes genotypes of any space, decision by decision, and is trained by their rewards.

It is computed with NumPy, in double precision: its matrices are so small that calls of a compiled program would gain nothing,
and the process that proposes needs no JAX.

layout      the steps over the decisions of a space
parameters  the parameters, and where they start
lstm        the LSTM and its gradient
rollout     all steps in order: drawing and scoring genotypes
gradients   the gradient of log-probabilities and entropies
objectives  REINFORCE, PPO, priority queue, entropy
learner     draw, score, gradient, update
policy      the interface for strategies, in plain Python numbers
"""

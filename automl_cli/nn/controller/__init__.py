"""The controller: an LSTM that proposes genotypes of any space, decision by decision, and is trained by their rewards.

layout      the steps over the decisions of a space, as arrays
network     parameters and one step of the LSTM (the Flax module)
rollout     all steps in one scan: drawing and scoring genotypes
objectives  REINFORCE, PPO, priority queue, entropy
learner     the compiled programs: draw, score, gradient, update
policy      the interface for strategies, in plain Python numbers
"""

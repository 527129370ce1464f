"""Objectives of a controller: functions of the log-probabilities and advantages of proposals, and of the best genotypes so far.

reinforce   mean_k A_k log P(a_k)                                                  NAS, arXiv 1611.01578, section 3.2
ppo         mean_k min(r_k A_k, clip(r_k, 1 - c, 1 + c) A_k),  r_k = P(a_k) / P_old(a_k)        arXiv 1707.06347, eq. 7
queue       sum_q w_q log P(a_q) over the best genotypes found            priority-queue training, arXiv 1801.03526, eq. 3

What is added to the objective for entropy is entropy_weight times the mean entropy of the proposals; its gradient holds the
drawn decisions fixed, as implementations of PPO and ENAS do.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from automl_cli.strategies.controller.parameters import Floats
from automl_cli.strategies.controller.rollout import Integers

ObjectiveName = Literal["reinforce", "ppo"]

LARGEST_LOG_RATIO = 5.0
"""Log-ratio above which the ratio is extended along its tangent, so that it cannot overflow."""


class Coefficients(NamedTuple):
    """Constants of an update."""

    learning_rate: float
    entropy_weight: float = 0.0
    queue_weight: float = 0.0
    clip: float = 0.2


class Genotypes(NamedTuple):
    """Genotypes as arrays: indices (batch, decisions), 0 behind the live length, and live lengths (batch,)."""

    indices: Integers
    lengths: Integers


class Batch(NamedTuple):
    """Training data of one update.

    `proposals` with `advantages` and `log_probabilities` at drawing time, (batch,) each; `queue` of the best genotypes with
    `queue_weights` (queue,), 0 for an empty place.
    """

    proposals: Genotypes
    advantages: Floats
    log_probabilities: Floats
    queue: Genotypes
    queue_weights: Floats


def reinforce(log_probability: Floats, batch: Batch, rates: Coefficients) -> Floats:
    """Return the gradient for each log-probability, (batch,), of the surrogate whose gradient is the policy gradient."""
    return batch.advantages


def ppo(log_probability: Floats, batch: Batch, rates: Coefficients) -> Floats:
    """Return the gradient for each log-probability, (batch,), of the clipped surrogate.

    At the old policy it is that of `reinforce`. Differs from the paper: with A < 0 the paper does not bound the weight r of a
    proposal's gradient; here it grows to e^5 at most.
    """
    log_ratio, advantages = log_probability - batch.log_probabilities, batch.advantages
    slope = np.exp(np.minimum(log_ratio, LARGEST_LOG_RATIO))
    beyond = np.where(advantages > 0, log_ratio > np.log1p(rates.clip), slope < 1 - rates.clip)
    return np.asarray(np.where(beyond, 0, slope * advantages))


SURROGATES: dict[ObjectiveName, Callable[[Floats, Batch, Coefficients], Floats]] = {"reinforce": reinforce, "ppo": ppo}


def weights(name: ObjectiveName, log_probability: Floats, batch: Batch, rates: Coefficients) -> tuple[Floats, Floats]:
    """Return the gradient of the objective, surrogate + entropy_weight * mean entropy + queue_weight * log-likelihood of the
    queue, for each log-probability of proposals and queue, and for each of their entropies: (batch + queue,) each."""
    proposals = len(batch.advantages)
    surrogate = SURROGATES[name](log_probability[:proposals], batch, rates) / proposals
    entropy = np.full(proposals, rates.entropy_weight / proposals)
    of_queue = rates.queue_weight * batch.queue_weights
    return np.concatenate([surrogate, of_queue]), np.concatenate([entropy, np.zeros(len(of_queue))])

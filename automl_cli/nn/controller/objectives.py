"""What a controller climbs: functions of the log-probabilities of the proposals, their advantages and a queue of the best.

reinforce   mean_k A_k log P(a_k)                                                  NAS, arXiv 1611.01578, section 3.2
ppo         mean_k min(r_k A_k, clip(r_k, 1 - c, 1 + c) A_k),  r_k = P(a_k) / P_old(a_k)        arXiv 1707.06347, eq. 7
queue       sum_q w_q log P(a_q) over the best genotypes found            priority-queue training, arXiv 1801.03526, eq. 3
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from automl_cli.nn.controller.layout import StepLayout
from automl_cli.nn.controller.network import Controller
from automl_cli.nn.controller.rollout import Array, score

ObjectiveName = Literal["reinforce", "ppo"]

LARGEST_LOG_RATIO = 5.0
"""From here on the ratio goes on along its tangent, in the log-ratio, so that it cannot overflow."""


class Coefficients(NamedTuple):
    """Constants of an update that are data to the compiled program, so that other values need no new one."""

    learning_rate: float
    entropy_weight: float = 0.0
    queue_weight: float = 0.0
    clip: float = 0.2


class Genotypes(NamedTuple):
    """Indices (batch, decisions), 0 behind the live length, and lengths (batch,)."""

    indices: Array
    lengths: Array


class Batch(NamedTuple):
    """What one minibatch teaches. Shapes (batch,) and (queue,); a weight of 0 marks an empty place of the queue."""

    proposals: Genotypes
    advantages: Array
    log_probabilities: Array
    queue: Genotypes
    queue_weights: Array


def reinforce(log_probability: jax.Array, batch: Batch, rates: Coefficients) -> jax.Array:
    """The surrogate whose gradient is the policy gradient with a baseline."""
    return jnp.mean(batch.advantages * log_probability)


def ppo(log_probability: jax.Array, batch: Batch, rates: Coefficients) -> jax.Array:
    """The clipped surrogate; where the policy is still the old one its gradient is that of `reinforce`.

    Differs from the paper: with A < 0 nothing bounds the weight r of a proposal's gradient there; here it grows to e^5.
    """
    log_ratio = log_probability - batch.log_probabilities
    bounded = jnp.minimum(log_ratio, LARGEST_LOG_RATIO)
    ratio = jnp.exp(bounded) * (1 + log_ratio - bounded)
    clipped = jnp.clip(ratio, 1 - rates.clip, 1 + rates.clip)
    return jnp.mean(jnp.minimum(ratio * batch.advantages, clipped * batch.advantages))


SURROGATES: dict[ObjectiveName, Callable[[jax.Array, Batch, Coefficients], jax.Array]] = {"reinforce": reinforce, "ppo": ppo}


def objective(name: ObjectiveName, layout: StepLayout, controller: Controller, batch: Batch, rates: Coefficients) -> jax.Array:
    """Surrogate + entropy_weight * mean entropy + queue_weight * the queue's log-likelihood. Both are scored in one rollout.

    The gradient of the entropy is taken with the drawn decisions held fixed, as PPO and ENAS implementations do.
    """
    proposals = batch.advantages.shape[0]
    both = Genotypes(*(jnp.concatenate(pair) for pair in zip(batch.proposals, batch.queue, strict=True)))
    rollout = score(layout, controller, both.indices, both.lengths)
    surrogate = SURROGATES[name](rollout.log_probability[:proposals], batch, rates)
    entropy = jnp.mean(rollout.entropy[:proposals])
    queue = jnp.sum(batch.queue_weights * rollout.log_probability[proposals:])
    return surrogate + rates.entropy_weight * entropy + rates.queue_weight * queue

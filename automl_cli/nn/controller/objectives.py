"""Objectives of a controller: functions of the log-probabilities and advantages of proposals, and of the best genotypes so far.

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
"""Log-ratio above which the ratio is extended along its tangent, so that it cannot overflow."""


class Coefficients(NamedTuple):
    """Constants of an update. They are arguments of the compiled program, so other values need no new compilation."""

    learning_rate: float
    entropy_weight: float = 0.0
    queue_weight: float = 0.0
    clip: float = 0.2


class Genotypes(NamedTuple):
    """Genotypes as arrays: indices (batch, decisions), 0 behind the live length, and live lengths (batch,), both int32."""

    indices: Array
    lengths: Array


class Batch(NamedTuple):
    """Training data of one update.

    `proposals` with `advantages` and `log_probabilities` at drawing time, (batch,) each; `queue` of the best genotypes with
    `queue_weights` (queue,), 0 for an empty place.
    """

    proposals: Genotypes
    advantages: Array
    log_probabilities: Array
    queue: Genotypes
    queue_weights: Array


def reinforce(log_probability: jax.Array, batch: Batch, rates: Coefficients) -> jax.Array:
    """Return the surrogate whose gradient is the policy gradient with a baseline, a scalar; `log_probability` is (batch,)."""
    return jnp.mean(batch.advantages * log_probability)


def ppo(log_probability: jax.Array, batch: Batch, rates: Coefficients) -> jax.Array:
    """Return the clipped surrogate, a scalar; `log_probability` is (batch,).

    At the old policy its gradient is that of `reinforce`. Differs from the paper: with A < 0 the paper does not bound the
    weight r of a proposal's gradient; here it grows to e^5 at most.
    """
    log_ratio = log_probability - batch.log_probabilities
    bounded = jnp.minimum(log_ratio, LARGEST_LOG_RATIO)
    ratio = jnp.exp(bounded) * (1 + log_ratio - bounded)
    clipped = jnp.clip(ratio, 1 - rates.clip, 1 + rates.clip)
    return jnp.mean(jnp.minimum(ratio * batch.advantages, clipped * batch.advantages))


SURROGATES: dict[ObjectiveName, Callable[[jax.Array, Batch, Coefficients], jax.Array]] = {"reinforce": reinforce, "ppo": ppo}


def objective(name: ObjectiveName, layout: StepLayout, controller: Controller, batch: Batch, rates: Coefficients) -> jax.Array:
    """Return surrogate + entropy_weight * mean entropy + queue_weight * log-likelihood of the queue, a scalar.

    Proposals and queue are scored in one rollout. The gradient of the entropy holds the drawn decisions fixed, as
    implementations of PPO and ENAS do.
    """
    proposals = batch.advantages.shape[0]
    both = Genotypes(*(jnp.concatenate(pair) for pair in zip(batch.proposals, batch.queue, strict=True)))
    rollout = score(layout, controller, both.indices, both.lengths)
    surrogate = SURROGATES[name](rollout.log_probability[:proposals], batch, rates)
    entropy = jnp.mean(rollout.entropy[:proposals])
    queue = jnp.sum(batch.queue_weights * rollout.log_probability[proposals:])
    return surrogate + rates.entropy_weight * entropy + rates.queue_weight * queue

"""Rollouts of a controller through the decisions: drawing genotypes, and computing log-probability and entropy of known ones.

A step either draws a decision or reads it from a genotype. Decisions behind the live length of a row are stepped through, but
not counted. The LSTM only looks back, so they do not affect the counted ones.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from automl_cli.strategies.controller.layout import Step, StepLayout
from automl_cli.strategies.controller.lstm import Lstm
from automl_cli.strategies.controller.parameters import Floats, Parameters

Integers = NDArray[np.int32]

Choose = Callable[[Step, Floats], Integers]
"""(step, probabilities (batch, decisions of the step, choices)) -> indices (batch, decisions of the step)."""

MOST_EXPLORATION = 0.5
"""Largest share of decisions that are drawn uniformly, so that the policy matters even for short genotypes."""


class Rollout(NamedTuple):
    """Genotypes (batch, decisions), with log-probability and entropy of their live prefixes, (batch,) each.

    The entropy is the sum of the entropies of the live decisions, each conditional on the decisions before it. Its mean over
    drawn genotypes estimates the entropy of the policy.
    """

    genotypes: Integers
    log_probability: Floats
    entropy: Floats


class StepRecord(NamedTuple):
    """Record of a step.

    `top` is the state of the top layer (batch, units); probabilities and their logarithms are (batch, decisions of the step,
    choices); `entropies`, `choice` and `live`, whether a decision is in the live prefix, (batch, decisions of the step). Of an
    anchor step `similar` is the tanh of each item with the anchor, (items, batch, units).
    """

    top: Floats
    probabilities: Floats
    log_probabilities: Floats
    entropies: Floats
    choice: Integers
    live: NDArray[np.bool_]
    similar: Floats | None


class Walk(NamedTuple):
    """A rollout with all that its gradient needs: `anchors` are the states of the anchors, (anchors, batch, units)."""

    rollout: Rollout
    lstm: Lstm
    made: list[StepRecord]
    anchors: Floats


def draw(layout: StepLayout, parameters: Parameters, uniforms: Floats, lengths: Integers, exploration: Floats) -> Rollout:
    """Draw genotypes by the inverse distribution function from uniforms in [0, 1), (batch, decisions).

    A row depends only on its own uniforms and the policy. A decision is drawn uniformly with probability min(exploration /
    length, 1/2), where exploration and length are (batch,). The log-probability is always that of the policy.
    """
    share = np.minimum(exploration / lengths, MOST_EXPLORATION)[:, None, None]

    def choose(step: Step, probabilities: Floats) -> Integers:
        choices = probabilities.shape[-1]
        edges = ((1 - share) * probabilities + share / choices).cumsum(-1)
        passed = (uniforms[:, step.positions, None] >= edges).sum(-1)
        return np.asarray(np.minimum(passed, choices - 1), np.int32)  # the last one where rounding leaves none

    return walk(layout, parameters, lengths, choose).rollout


def score(layout: StepLayout, parameters: Parameters, genotypes: Integers, lengths: Integers) -> Walk:
    """Return the walk along known genotypes (batch, decisions), padded with any index behind their lengths (batch,)."""
    return walk(layout, parameters, lengths, lambda step, _: genotypes[:, step.positions])


def walk(layout: StepLayout, parameters: Parameters, lengths: Integers, choose: Choose) -> Walk:
    """Take all steps, each decision as it is chosen, for rows of these live lengths (batch,)."""
    batch, units = len(lengths), len(parameters["start"])
    lstm = Lstm(parameters, steps=len(layout.steps), batch=batch)
    anchors, projected = np.zeros((2, layout.anchors, batch, units))
    genotypes = np.zeros((batch, len(layout.decisions)), np.int32)
    made, log_probability, entropy = [], np.zeros(batch), np.zeros(batch)
    inputs = np.broadcast_to(parameters["start"], (batch, units))
    for number, step in enumerate(layout.steps):
        top = lstm.advance(number, inputs)
        logits, similar = _logits(parameters, step, top, projected)
        made.append(_decide(step, top, logits, similar, lengths, choose))
        choice, live = made[-1].choice, made[-1].live
        genotypes[:, step.positions] = choice
        chosen = made[-1].log_probabilities[np.arange(batch)[:, None], np.arange(len(step.positions)), choice]
        log_probability += (live * chosen).sum(1)
        entropy += (live * made[-1].entropies).sum(1)
        if step.anchor is None:
            inputs = parameters["embedding"][step.rows.start + choice[:, 0]]
        else:
            anchors[step.anchor], projected[step.anchor] = top, top @ parameters["previous"]
            inputs = (selected(choice)[..., None] * anchors[list(step.items)]).sum(0)
    return Walk(Rollout(genotypes, log_probability, entropy), lstm, made, anchors)


def _decide(step: Step, top: Floats, logits: Floats, similar: Floats | None, lengths: Integers, choose: Choose) -> StepRecord:
    """Make the decisions of a step by its logits (batch, decisions of the step, choices)."""
    logits = logits - logits.max(-1, keepdims=True)
    shares = np.exp(logits)
    total = shares.sum(-1, keepdims=True)
    probabilities, log_probabilities = shares / total, logits - np.log(total)
    entropies = -(probabilities * log_probabilities).sum(-1)
    live = np.asarray(step.positions, np.int32) < lengths[:, None]
    return StepRecord(top, probabilities, log_probabilities, entropies, choose(step, probabilities), live, similar)


def _logits(parameters: Parameters, step: Step, top: Floats, projected: Floats) -> tuple[Floats, Floats | None]:
    """Return the logits of the decisions of a step, (batch, decisions of the step, choices), and `similar` of the record."""
    if step.anchor is None:
        rows = slice(step.rows.start, step.rows.stop)
        return (top @ parameters["head"][rows].T + parameters["bias"][rows])[:, None], None
    similar = np.tanh(projected[list(step.items)] + top @ parameters["current"])
    logits = (similar @ parameters["score"]).T
    return np.stack([np.zeros_like(logits), logits], axis=-1), similar


def selected(choice: Integers) -> Floats:
    """Return the share of each item in the mean of the selected ones, (items, batch), by (batch, items) of 0 and 1."""
    return np.asarray(choice.T / np.maximum(1, choice.sum(1)))

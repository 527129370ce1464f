"""The gradient of a weighted sum of log-probabilities and entropies of genotypes, by backpropagation through all steps.

For one decision with logits z, probabilities p, entropy E and the choice k:

    d log p_k / dz = [j = k] - p_j        dE / dz = -p_j (log p_j + E)

The decisions themselves are held fixed.
"""

import numpy as np

from automl_cli.strategies.controller.layout import Step, StepLayout
from automl_cli.strategies.controller.parameters import Floats, Parameters
from automl_cli.strategies.controller.rollout import StepRecord, Walk, selected


def gradient(layout: StepLayout, parameters: Parameters, walk: Walk, *, weights: Floats, entropy_weights: Floats) -> Parameters:
    """Return the gradient of sum_b (weights_b log P_b + entropy_weights_b entropy_b); both weights are (batch,).

    A walk has one gradient: it is used up.
    """
    found = {name: np.zeros_like(array) for name, array in parameters.items()}
    to_anchors, to_projected = np.zeros((2, *walk.anchors.shape))
    to_inputs = np.zeros((len(weights), len(parameters["start"])))  # of the step behind
    for number in reversed(range(len(layout.steps))):
        step, made = layout.steps[number], walk.made[number]
        slopes = _of_logits(made, weights, entropy_weights)
        if step.anchor is None:
            to_top = _through_softmax(parameters, found, step, made, slopes[:, 0])
            np.add.at(found["embedding"], step.rows.start + made.choice[:, 0], to_inputs)
        else:
            to_anchors[list(step.items)] += selected(made.choice)[..., None] * to_inputs
            to_top = _through_anchor(parameters, found, step, made, slopes[..., 1], to_projected) + to_anchors[step.anchor]
        to_inputs = walk.lstm.retreat(number, to_top)
    found["start"] = to_inputs.sum(0)
    return found | walk.lstm.gradient()


def _of_logits(made: StepRecord, weights: Floats, entropy_weights: Floats) -> Floats:
    """Return the gradient for the logits of a step, (batch, decisions, choices), by weights of the rows, (batch,) each."""
    batch, decisions = made.choice.shape
    slopes = -made.probabilities
    slopes[np.arange(batch)[:, None], np.arange(decisions), made.choice] += 1
    slopes *= (made.live * weights[:, None])[..., None]
    if entropy_weights.any():
        of_entropy = made.probabilities * (made.log_probabilities + made.entropies[..., None])
        slopes -= (made.live * entropy_weights[:, None])[..., None] * of_entropy
    return slopes


def _through_softmax(parameters: Parameters, found: Parameters, step: Step, made: StepRecord, slopes: Floats) -> Floats:
    """Add the gradient of head and bias, by `slopes` (batch, choices); return that of the top state, (batch, units)."""
    rows = slice(step.rows.start, step.rows.stop)
    found["head"][rows] = slopes.T @ made.top
    found["bias"][rows] = slopes.sum(0)
    return np.asarray(slopes @ parameters["head"][rows])


def _through_anchor(
    parameters: Parameters, found: Parameters, step: Step, made: StepRecord, slopes: Floats, to_projected: Floats
) -> Floats:
    """Add the gradient of the set selection, by `slopes` (batch, items); return that of the top state, (batch, units).

    `to_projected`, (anchors, batch, units), collects what later anchors pass to the projections of earlier ones.
    """
    assert made.similar is not None
    found["score"] += np.einsum("bi,ibu->u", slopes, made.similar)
    inside = slopes.T[..., None] * parameters["score"] * (1 - made.similar**2)
    to_projected[list(step.items)] += inside
    summed, own = inside.sum(0), to_projected[step.anchor]
    found["current"] += made.top.T @ summed
    found["previous"] += made.top.T @ own
    return np.asarray(summed @ parameters["current"].T + own @ parameters["previous"].T)

"""Paths of parameters under update rules in float64, with NumPy, and the golden sequences of PowerSign and AddSign."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_cli.values.expressions.evaluation import numpy_functions
from automl_cli.values.expressions.rule_step import RuleStep, averages, start_of
from automl_cli.values.optimizer import NAMED, UpdateRule

BASE_TEN = UpdateRule("g * 10^(sign(g) * sign(ema(g, 0.8)))")

SEVEN_GRADIENTS = np.float64([[0.1, 0.1, 0.01, 0.01]] * 4 + [[-0.1, -0.1, -0.01, -0.01]] * 3)
FOUR_GRADIENTS = np.float64([[0.1, -0.2], [0.1, 0.2], [-0.1, 0.2], [0.0, 0.2]])

AFTER_SEVEN = [
    (NAMED["powersign"], 7, (0.925809134, 1.925809134, 2.992580913, 3.992580913)),
    (BASE_TEN, 7, (0.702, 1.702, 2.9702, 3.9702)),
    (NAMED["powersign-ld"], 10, (0.932299884, 1.932299884, 2.993229988, 3.993229988)),
    (NAMED["addsign"], 7, (0.94, 1.94, 2.994, 3.994)),
    (NAMED["addsign-ld"], 10, (0.949, 1.949, 2.9949, 3.9949)),
]
"""(rule, T, parameters after seven steps from 1, 2, 3, 4), of TensorFlow's own tests."""

AFTER_FOUR = [
    (
        NAMED["powersign"],
        4,
        (
            (0.972817182, 2.054365637),
            (0.945634363, 2.0),
            (0.949313158, 1.945634363),
            (0.949313158, 1.891268727),
        ),
    ),
    (NAMED["powersign-ld"], 4, ((0.957712488, 1.953370702),)),
    (NAMED["powersign-cd"], 4, ((0.955402735, 1.951277442),)),
    (NAMED["addsign"], 4, ((0.96, 1.92),)),
    (NAMED["addsign-ld"], 4, ((0.9675, 1.95),)),
    (NAMED["addsign-cd"], 4, ((0.966464466, 1.95),)),
]
"""(rule, T, parameters after the last steps of four from 1, 2)."""


def trajectory(rule: Any, start: Sequence[float], gradients: Any, *, rate: float, total: int) -> np.ndarray:
    """Return the parameters after each step, float64 of shape (steps, parameters)."""
    expression, weights, found = rule.expanded, np.float64(start), []
    kept = {name: np.full(weights.shape, start_of(name)) for name in averages(expression)}
    for t, gradient in enumerate(np.float64(gradients)):
        operands = {"g": gradient, "w": weights, "t": np.float64(t), "T": np.float64(total)}
        step = RuleStep(operands, kept, numpy_functions())
        weights = weights - rate * step.value(expression)
        kept = step.kept_after
        found.append(weights)
    return np.stack(found)

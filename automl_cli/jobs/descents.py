"""Compares update rules on an analytic problem: each at the best of several learning rates, without data or network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from automl_cli.core.errors import UserError
from automl_cli.core.numbers import LARGEST
from automl_cli.core.random_streams import stream_seed
from automl_cli.plugins.roles import built_by, value_of, words_of
from automl_cli.store.comparisons import CurvePoint, DescentResult, DescentRow, RateScore
from automl_cli.values.analytic_problems import ANALYTIC_PROBLEMS, ITERATIONS, AnalyticProblem
from automl_cli.values.child import Filling
from automl_cli.values.optimizer import LibraryOptimizer
from automl_cli.values.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.nn.analytic_problems import Descents

RATES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""The learning rates of the search for update rules (arXiv 1709.07417)."""


def compare_descents(
    problem_name: str, values: Sequence[tuple[str, Filling]], *, rates: tuple[float, ...], seed: int, steps: int = ITERATIONS
) -> DescentResult:
    """Let each of the rules, given with its label, minimise the function for so many steps at each of the rates."""
    for label, filling in values:
        value = value_of(filling)
        if isinstance(value, LibraryOptimizer) and value.for_matrices:
            raise UserError(
                f"{label} is Adam for all but matrices, and a point of {problem_name} is a vector; compare adam instead"
            )
    problem = ANALYTIC_PROBLEMS[problem_name]
    rows = tuple(_row(label, filling, problem, rates, seed, steps) for label, filling in values)
    return DescentResult(problem=problem.name, formula=problem.formula, start=problem.start, steps=steps, seed=seed, rows=rows)


def _row(label: str, filling: Filling, problem: AnalyticProblem, rates: tuple[float, ...], seed: int, steps: int) -> DescentRow:
    from automl_cli.nn.analytic_problems import descend

    recipe = Recipe(batch_size=1, learning_rate=rates[0], weight_decay=0.0)
    drawn = stream_seed(seed, "descent") % LARGEST
    rule = built_by(filling)(value_of(filling), recipe, total_steps=steps, seed=drawn)
    found = descend(rule, problem, rates, steps=steps)
    scores = tuple(
        RateScore(learning_rate=rate, score=_finite(values[-1])) for rate, values in zip(rates, found.values, strict=True)
    )
    return DescentRow(label=label, words=words_of(filling), rates=scores, **_best(found, scores))


def _best(found: Descents, scores: Sequence[RateScore]) -> dict[str, Any]:
    """Return the fields about the rate with the lowest last value, the lowest of equally good ones."""
    known = [(one.score, number) for number, one in enumerate(scores) if one.score is not None]
    if not known:
        return {"learning_rate": None, "value": None, "distance": None, "curve": ()}
    value, best = min(known)
    return {
        "learning_rate": scores[best].learning_rate,
        "value": value,
        "distance": _finite(found.distances[best][-1]),
        "curve": tuple(_curve(found.values[best])),
    }


def _curve(values: np.ndarray) -> Iterator[CurvePoint]:
    """Yield the values after 0, 1, 2, … steps, with two significant digits of the steps, as far as they are finite."""
    step, unit = 0, 1
    while step < len(values):
        if (value := _finite(values[step])) is None:
            return
        yield CurvePoint(step, value)
        if step == 100 * unit:
            unit *= 10
        step += unit


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

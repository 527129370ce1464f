"""Functions that update rules minimise without any data, as plain data. `nn.analytic_problems` computes with them."""

from msgspec import Struct

ITERATIONS = 4000
"""Steps on an analytic problem (arXiv 1709.07417, section on the Rosenbrock function)."""


class AnalyticProblem(Struct, frozen=True, kw_only=True):
    """A function with its minimum 0 at `minimum`, and the point at which rules start."""

    name: str
    formula: str
    start: tuple[float, ...]
    minimum: tuple[float, ...]


DIMENSIONS, CONDITION = 10, 1000.0
"""Of the quadratic: its curvatures rise geometrically from 1 to the condition number."""

ANALYTIC_PROBLEMS = {
    "rosenbrock": AnalyticProblem(
        name="rosenbrock", formula="(1 - x)^2 + 100 (y - x^2)^2", start=(-1.2, 1.0), minimum=(1.0, 1.0)
    ),
    "quadratic": AnalyticProblem(
        name="quadratic",
        formula=f"1/2 sum of c_i x_i^2, {DIMENSIONS} curvatures c_i from 1 to {CONDITION:g}",
        start=(1.0,) * DIMENSIONS,
        minimum=(0.0,) * DIMENSIONS,
    ),
}


def curvatures() -> tuple[float, ...]:
    """Return the curvatures of the quadratic.

    >>> curvatures()[0], round(curvatures()[-1], 9)
    (1.0, 1000.0)
    """
    return tuple(CONDITION ** (number / (DIMENSIONS - 1)) for number in range(DIMENSIONS))

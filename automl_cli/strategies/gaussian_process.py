"""A Gaussian process over genotypes: y ~ GP(0, (1 - noise) k + noise I) with k(a, b) = exp(-h(a, b) / length).

h is the share of decisions in which a and b differ, so that no order of choices has to be known. Genotypes are rows of one-hot
vectors, and h follows from one matrix product. All linear algebra is float64 on one thread, so that a draw is the same in every
process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_cli.core.decisions import DecisionList, Genotype

if TYPE_CHECKING:
    import numpy as np

LENGTHS = (0.1, 0.2, 0.35, 0.6, 1.0, 2.0)
"""Lengths of the kernel that are tried."""

NOISES = (1e-3, 1e-2, 0.05, 0.2, 0.6)
"""Shares of noise in the variance that are tried."""

JITTER = 1e-6
"""Variance added to a covariance matrix before it is factored."""


def features(genotypes: Sequence[Genotype], decisions: DecisionList) -> np.ndarray:
    """Return genotypes as one-hot vectors, (genotypes, choices of all decisions) float64; a missing decision is all zeros."""
    import numpy as np

    sizes = [len(decision.choices) for decision in decisions.decisions]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    found = np.zeros((len(genotypes), starts[-1]))
    for length in {len(genotype) for genotype in genotypes}:
        rows = [row for row, genotype in enumerate(genotypes) if len(genotype) == length]
        found[np.array(rows)[:, None], starts[:length] + np.array([genotypes[row] for row in rows])] = 1.0
    return found


def differences(one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """Return the share of `count` decisions in which rows of features differ, (rows, other rows)."""
    import numpy as np

    lengths = np.maximum(one.sum(1)[:, None], other.sum(1)[None])
    return np.asarray((lengths - one @ other.T) / count)


@dataclass(frozen=True)
class GaussianProcess:
    """A process that was fitted to values (rows,) at features (rows, choices)."""

    rows: np.ndarray
    count: int
    length: float
    noise: float
    factor: np.ndarray
    """Lower Cholesky factor of the covariance of the values, (rows, rows)."""
    weights: np.ndarray
    """Inverse covariance times the values, (rows,)."""

    def draw(self, candidates: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Return one function drawn from the posterior, at these features: (candidates,). `normal` are as many numbers of
        N(0, 1)."""
        import numpy as np
        from scipy.linalg import solve_triangular

        cross = (1 - self.noise) * np.exp(-differences(candidates, self.rows, self.count) / self.length)
        within = (1 - self.noise) * np.exp(-differences(candidates, candidates, self.count) / self.length)
        explained = solve_triangular(self.factor, cross.T, lower=True, check_finite=False)
        covariance = within - explained.T @ explained + JITTER * np.eye(len(candidates))
        return np.asarray(cross @ self.weights + np.linalg.cholesky(covariance) @ normal)


def fitted(rows: np.ndarray, values: np.ndarray, count: int, *, length: float, noise: float) -> GaussianProcess:
    """Return the process with this length and noise, fitted to values (rows,) at features (rows, choices) of `count`
    decisions."""
    import numpy as np
    from scipy.linalg import cho_solve

    covariance = (1 - noise) * np.exp(-differences(rows, rows, count) / length) + noise * np.eye(len(rows))
    factor = np.linalg.cholesky(covariance)
    return GaussianProcess(rows, count, length, noise, factor, cho_solve((factor, True), values, check_finite=False))


def likeliest(rows: np.ndarray, values: np.ndarray, count: int) -> tuple[float, float]:
    """Return the length and the noise of the grid with the highest marginal likelihood of the values, ties to the first."""
    import numpy as np

    def likelihood(pair: tuple[float, float]) -> float:
        process = fitted(rows, values, count, length=pair[0], noise=pair[1])
        return float(-0.5 * values @ process.weights - np.log(np.diag(process.factor)).sum())

    return max(((length, noise) for length in LENGTHS for noise in NOISES), key=likelihood)

"""Another way to measure a polynomial: fit it by least squares and look at the error; no training, no JAX."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import EvaluationRequest, EvaluatorSetup, Report, SecondsEstimate
from automl_cli.core.settings import NoOptions
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Measurement, Task
from automl_cli.plugins.discovery import open_space
from toy_polynomial.problem import SIZES, points


class LeastSquares:
    """`core.protocols.EvaluatorFactory`, and the evaluator itself."""

    summary = "Fits the coefficients of a polynomial by least squares."
    trains = False
    trains_baseline = False
    instant = True
    unused = ("epochs",)
    flags = ()
    options = NoOptions
    settings = NoOptions

    @staticmethod
    def resolve(request: EvaluationRequest) -> dict[str, Any]:
        return {}

    @staticmethod
    def check(setup: EvaluatorSetup) -> None: ...

    @staticmethod
    def prepare(setup: EvaluatorSetup, report: Report) -> None: ...

    @staticmethod
    def together(settings: Mapping[str, Any]) -> int:
        return 1

    @staticmethod
    def noisy(settings: Mapping[str, Any]) -> bool:
        """Return False: the curve is exact."""
        return False

    @staticmethod
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        return None

    @staticmethod
    def sizes(setup: EvaluatorSetup, space: SearchSpace) -> Callable[[Genotype], float] | None:
        """Return None: all polynomials are as large."""
        return None

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        yield "measured by", "least squares"

    @staticmethod
    def seconds(
        setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype], *, trials: int, epochs: int
    ) -> SecondsEstimate | None:
        return None

    def __init__(self, setup: EvaluatorSetup) -> None:
        self._space = open_space(setup.space)

    def evaluate(self, task: Task) -> Measurement:
        """The mean squared error on validation points, plus a little so that its inverse is finite."""
        powers = self._space.decode(task.genotype).powers
        (x, y), (unseen, truth) = points("train", SIZES["train"]), points("validation", SIZES["validation"])
        fitted, *_ = np.linalg.lstsq(np.stack([x**power for power in powers], -1), y, rcond=None)
        error = np.mean((np.stack([unseen**power for power in powers], -1) @ fitted - truth) ** 2)
        return Measurement(scores=(float(error) + 1e-6,))

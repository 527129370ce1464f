"""Rewards as data: the number that a strategy is told, as a function of a measurement. Presets, settings and checks share it.

    power            score ** exponent (NAS: squared in the deck, slide 21; cubed in the paper, arXiv 1611.01578, section 4.1)
    inverse-square   constant / perplexity ** 2 (recurrent cells, arXiv 1611.01578, section 4.2)
    latency-target   accuracy * (latency / target) ** weight (MnasNet, arXiv 1807.11626, section 3)

Each reward also says which of two scores is better, so that no other code depends on the metric.
"""

import math
import sys
from typing import ClassVar, Literal

from msgspec import Struct

from automl_cli.core.errors import UserError
from automl_cli.core.trials import Measurement

LAST_EPOCHS = 5
"""The score of a child is the best of this many last epochs (deck, slide 21)."""

LARGEST_EXPONENT = 10
"""The largest exponent of a power: beyond it all rewards but the highest round to 0."""

LATENCY = "latency_ms"
"""The metric of a measurement that `latency-target` reads, in milliseconds."""

Direction = Literal["higher", "lower"]


class Power(Struct, frozen=True, forbid_unknown_fields=True, tag="power"):
    """`score ** exponent`. A score below 0, which only a table can hold, keeps its sign: the higher score has more reward.

    >>> round(Power(2.0).of(Measurement(scores=(0.95, 0.7, 0.9, 0.8, 0.8, 0.8))), 12)
    0.81
    >>> round(Power(3.0).of(Measurement(scores=(0.9,))), 12), Power(2.0).of(Measurement(scores=(-3.0,)))
    (0.729, -9.0)
    """

    exponent: float = 1.0

    better: ClassVar[Direction] = "higher"

    def __post_init__(self) -> None:
        if not 0 < self.exponent <= LARGEST_EXPONENT:
            allowed = f"above 0 and at most {LARGEST_EXPONENT}"
            raise UserError(f"the exponent of the reward is {self.exponent:g}; it must be {allowed}")

    def score(self, measurement: Measurement) -> float:
        """Return the highest score of the last epochs."""
        return max(measurement.scores[-LAST_EPOCHS:])

    def of(self, measurement: Measurement) -> float:
        """Return the reward."""
        score = self.score(measurement)
        try:
            power = abs(score) ** self.exponent
        except OverflowError:
            power = sys.float_info.max
        return math.copysign(power, score)

    @property
    def words(self) -> str:
        """The reward in words.

        >>> Power(2.0).words
        'validation score squared, the best of the last 5 epochs'
        """
        named = {1.0: "validation score", 2.0: "validation score squared", 3.0: "validation score cubed"}
        score = named.get(self.exponent, f"validation score to the power {self.exponent:g}")
        return f"{score}, the best of the last {LAST_EPOCHS} epochs"


class InverseSquare(Struct, frozen=True, forbid_unknown_fields=True, tag="inverse-square"):
    """`constant / score ** 2` for a score that should be low, such as perplexity.

    >>> InverseSquare(80.0).of(Measurement(scores=(90.0, 80.0, 85.0)))
    0.0125
    """

    constant: float = 80.0

    better: ClassVar[Direction] = "lower"

    def __post_init__(self) -> None:
        if not (self.constant > 0 and math.isfinite(self.constant)):
            raise UserError(f"the constant of the reward is {self.constant:g}; it must be a finite number above 0")

    def score(self, measurement: Measurement) -> float:
        """Return the lowest score of the last epochs."""
        return min(measurement.scores[-LAST_EPOCHS:])

    def of(self, measurement: Measurement) -> float:
        """Return the reward."""
        score = self.score(measurement)
        return min(self.constant / max(score * score, sys.float_info.min), sys.float_info.max)

    @property
    def words(self) -> str:
        """The reward in words."""
        return f"{self.constant:g} / validation score squared, the lowest of the last {LAST_EPOCHS} epochs"


class LatencyTarget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="latency-target"):
    """`accuracy * (latency / target) ** weight`, with one weight up to the target and one above it (MnasNet, section 3).

    The paper's hard constraint has the weights 0 and -1, its soft one -0.07 twice.

    >>> slow = Measurement(scores=(0.5,), metrics={"latency_ms": 160.0})
    >>> soft = LatencyTarget(target_ms=80.0)
    >>> hard = LatencyTarget(target_ms=80.0, weight_below=0.0, weight_above=-1.0)
    >>> hard.of(slow), round(soft.of(slow), 4)
    (0.25, 0.4763)
    """

    target_ms: float
    weight_below: float = -0.07
    weight_above: float = -0.07

    better: ClassVar[Direction] = "higher"

    def __post_init__(self) -> None:
        if not (self.target_ms > 0 and math.isfinite(self.target_ms)):
            raise UserError(f"the latency target is {self.target_ms:g} ms; it must be a finite number above 0")
        for name in ("weight_below", "weight_above"):
            if not (-10 <= (weight := getattr(self, name)) <= 0):
                raise UserError(f"{name} of the reward is {weight:g}; it must be between -10 and 0: slower is not better")

    def score(self, measurement: Measurement) -> float:
        """Return the highest score of the last epochs."""
        return max(measurement.scores[-LAST_EPOCHS:])

    def of(self, measurement: Measurement) -> float:
        """Return the reward. Raises UserError for a measurement without a latency above 0."""
        if (latency := measurement.metrics.get(LATENCY)) is None:
            raise UserError(f"the reward is about a latency, and nothing measured {LATENCY!r}; choose another reward")
        if not latency > 0:
            raise UserError(f"the reward is about a latency, and {LATENCY!r} is {latency:g}; it must be above 0")
        ratio = latency / self.target_ms
        return float(self.score(measurement) * ratio ** (self.weight_below if ratio <= 1 else self.weight_above))

    @property
    def words(self) -> str:
        """The reward in words."""
        weights = f"to the power {self.weight_below:g} up to it, {self.weight_above:g} above"
        return f"validation score x latency / {self.target_ms:g} ms, {weights}"


Reward = Power | InverseSquare | LatencyTarget


def ranked(reward: Reward, measurement: Measurement | None) -> float:
    """Return the number that a trial is ranked by: its reward, or minus infinity without a measurement."""
    return -math.inf if measurement is None else reward.of(measurement)

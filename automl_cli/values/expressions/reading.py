"""Features of activation functions and update rules, measured: what a person would say who looks at the curve, with numbers.

The names follow the presentation of Swish: the right arm is "basically linear", and left of 0 there is a "strange hump".
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct

from automl_cli.values.expressions.derivative import derivative
from automl_cli.values.expressions.evaluation import evaluate, numpy_functions
from automl_cli.values.expressions.rule_step import RuleStep, kept_average
from automl_cli.values.expressions.tree import STATEFUL, Call, Expression, Number, printed, uses, walk

DRAWN = (-5.0, 5.0)
"""The interval in which functions are drawn and searched for humps."""
POINTS = 401
"""Points of a drawn curve; 0 is one of them."""
ARM = (2.0, 5.0)
"""The right arm of a function."""
LINEAR = 0.02
"""An arm that deviates from a straight line by at most this share of its range is basically linear."""
KINK = 1e-3
"""A function whose derivative jumps by more at 0 has a kink there."""
NEAR, FAR = 1e4, 1e8
"""A function that grows by more than a thousandth between these distances from 0 has no bound."""

TRAINING_STEPS = 1e15
"""Steps of the training in which rules are read: averages have settled at all moments of `MOMENTS`."""
MOMENTS = {"start": 1e-10, "middle": 0.5, "end": 1.0}
"""Moments of a training, as parts of it, at which rules are read that depend on the steps done."""


class Arm(Struct, frozen=True):
    """The right arm of a function: the slope of the straight line that fits it best by least squares on [2, 5], and the largest
    deviation from that line, as a share of the range of the function there."""

    slope: float
    deviation: float

    @property
    def is_linear(self) -> bool:
        """Return whether it is basically linear."""
        return self.deviation <= LINEAR


class Turn(Struct, frozen=True):
    """A local minimum or maximum."""

    kind: str
    x: float
    value: float


class Reading(Struct, frozen=True, kw_only=True):
    """Features of a function of x, all at fixed values of its trained parameters.

    arm          the right arm; None where the function is not finite on [2, 5]
    monotonic    whether it only rises or only falls on [-5, 5], level parts allowed; None where it is not finite everywhere
    turns        local minima and maxima in [-5, 0), from 0 to the left: the hump
    lower, upper  the smallest and the largest value for |x| up to 1e8; None without a bound
    parity       "even" where f(-x) = f(x), "odd" where f(-x) = -f(x) on [-5, 5], otherwise "neither"
    value, slope  f(0) and f'(0), which lies midway between both sides where there is a kink
    sides        f'(x) just left and just right of 0
    smooth       whether function and derivative are finite around 0 and do not jump there
    """

    arm: Arm | None
    monotonic: bool | None
    turns: tuple[Turn, ...]
    lower: float | None
    upper: float | None
    parity: str
    value: float
    slope: float
    sides: tuple[float, float]
    smooth: bool


def sampled(expression: Expression, x: Any, constants: Mapping[str, float] | None = None) -> Any:
    """Return the values of a function at points x, float64 of their shape; NaN or infinite outside its domain."""
    import numpy

    with numpy.errstate(all="ignore"):
        values = evaluate(expression, {"x": x, **(constants or {})}, numpy_functions())
    return numpy.broadcast_to(numpy.float64(values), x.shape)


def curve(expression: Expression, constants: Mapping[str, float]) -> tuple[Any, Any, Any]:
    """Return points of [-5, 5], the function there, and its derivative, float64 of shape (POINTS,)."""
    import numpy

    x = numpy.linspace(*DRAWN, POINTS)
    return x, sampled(expression, x, constants), sampled(derivative(expression), x, constants)


def reading(expression: Expression, constants: Mapping[str, float]) -> Reading:
    """Return the features of a function of x; `constants` are the values of its trained parameters."""
    import numpy

    with numpy.errstate(all="ignore"):
        return _reading(expression, constants)


def _reading(expression: Expression, constants: Mapping[str, float]) -> Reading:
    import numpy

    def at(*x: float) -> Any:
        return sampled(expression, numpy.array(x), constants)

    def slopes_at(*x: float) -> Any:
        return sampled(derivative(expression), numpy.array(x), constants)

    step = 1e-7
    values, slopes = at(-step, 0.0, step), slopes_at(-step, 0.0, step)
    jumps = [abs(values[2] - values[0]), abs(slopes[2] - slopes[0])]
    scale = 1 + abs(float(slopes[1]))
    x = numpy.linspace(*DRAWN, 10 * (POINTS - 1) + 1)
    y = sampled(expression, x, constants)
    turns = tuple(_turns(expression, constants, x, y))
    lower, upper = _bounds(expression, constants, [*y, *(turn.value for turn in turns)])
    return Reading(
        arm=_arm(expression, constants),
        monotonic=_monotonic(y),
        turns=turns,
        lower=lower,
        upper=upper,
        parity=_parity(y),
        value=float(values[1]),
        slope=float(slopes[1]),
        sides=(float(slopes[0]), float(slopes[2])),
        smooth=bool(numpy.isfinite([*values, *slopes]).all() and max(jumps) <= KINK * scale),
    )


def _arm(expression: Expression, constants: Mapping[str, float]) -> Arm | None:
    import numpy

    x = numpy.linspace(*ARM, POINTS)
    y = sampled(expression, x, constants)
    if not numpy.isfinite(y).all():
        return None
    slope, height = numpy.polynomial.Polynomial.fit(x, y, 1).convert().coef.tolist()[::-1] if numpy.ptp(y) else (0.0, y[0])
    deviation = numpy.abs(y - (slope * x + height)).max() / (numpy.ptp(y) or 1.0)
    return Arm(slope=float(slope), deviation=float(deviation))


def _steps(y: Any) -> Any:
    """Return the signs of the differences between neighbours, 0 where they are rounding errors."""
    import numpy

    with numpy.errstate(invalid="ignore"):
        differences = numpy.diff(y)
    finite = y[numpy.isfinite(y)]
    noise = 1e-12 * (numpy.abs(finite).max() if finite.size else 0.0)
    return numpy.where(numpy.abs(differences) <= noise, 0.0, numpy.sign(differences))


def _monotonic(y: Any) -> bool | None:
    import numpy

    if not numpy.isfinite(y).all():
        return None
    steps = _steps(y)
    return not ((steps > 0).any() and (steps < 0).any())


def _turns(expression: Expression, constants: Mapping[str, float], x: Any, y: Any) -> Iterator[Turn]:
    """Yield the minima and maxima left of 0 among points of a curve, from 0 to the left, each found to about 1e-8."""
    import numpy

    steps = _steps(y)
    (moving,) = numpy.nonzero(numpy.nan_to_num(steps))
    for before, after in reversed(list(pairwise(moving))):
        if steps[before] == steps[after] or x[before] >= 0 or not numpy.isfinite(y[before : after + 2]).all():
            continue
        kind = "minimum" if steps[before] < 0 else "maximum"
        place = _extreme(expression, constants, float(x[before]), float(x[after + 1]), sign=-1 if kind == "minimum" else 1)
        if place < -1e-6:
            yield Turn(kind=kind, x=place, value=float(sampled(expression, numpy.array([place]), constants)[0]))


def _extreme(expression: Expression, constants: Mapping[str, float], low: float, high: float, *, sign: int) -> float:
    """Return where sign * f is largest in an interval that holds one extremum, by ever finer grids."""
    import numpy

    for _ in range(6):
        x = numpy.linspace(low, high, 41)
        best = int((sign * sampled(expression, x, constants)).argmax())
        low, high = float(x[max(0, best - 1)]), float(x[min(40, best + 1)])
    return (low + high) / 2


def _bounds(
    expression: Expression, constants: Mapping[str, float], known: Sequence[float]
) -> tuple[float | None, float | None]:
    """Return the smallest and the largest value, each None where the function goes on falling or rising far from 0. `known` are
    values near 0."""
    import numpy

    near, far = (numpy.geomspace(low, high, 2000) for low, high in ((DRAWN[1], NEAR), (NEAR, FAR)))
    found: list[float | None] = []
    for sign in (-1, 1):
        close, remote = (sign * sampled(expression, numpy.concatenate([-x, x]), constants) for x in (near, far))
        tops = [_largest(numpy.concatenate([sign * numpy.array(known), close])), _largest(remote)]
        bounded = numpy.isfinite(tops[0]) and tops[1] - tops[0] <= 1e-3 * (1 + abs(tops[0]))
        found.append(sign * max(tops) + 0.0 if bounded else None)
    return found[0], found[1]


def _largest(values: Any) -> float:
    """Return the largest of the values that are numbers, -infinity where there is none."""
    import numpy

    return float(numpy.max(values[~numpy.isnan(values)], initial=-numpy.inf))


def _parity(y: Any) -> str:
    """Return whether values on both sides of 0 mirror each other, wherever they are finite."""
    import numpy

    finite = numpy.isfinite(y)
    if not (finite == finite[::-1]).all():
        return "neither"
    right, left = y[finite], y[::-1][finite]
    if numpy.allclose(right, left, rtol=1e-9, atol=1e-12):
        return "even"
    return "odd" if numpy.allclose(right, -left, rtol=1e-9, atol=1e-12) else "neither"


def signs_reading(rule: Expression) -> dict[str, tuple[float, float]]:
    """Return update / g of a rule for g = 1, by moment of the training: where all gradients before were 1, so that g and its
    averages agree in sign, and where all were -1, so that they disagree.

    The averages of the gradients before have settled; the parameter is 1, noise is 0, and nothing is dropped. Where a rule does
    the same at all moments of `MOMENTS`, to 1e-6, there is one, "always". Raises KeyError for settings and defined names, which
    are to be put in their places before.
    """
    import numpy

    moments = MOMENTS if uses(rule, "t", "T") else {"always": MOMENTS["middle"]}
    found = {name: (_update_after(rule, 1.0, part), _update_after(rule, -1.0, part)) for name, part in moments.items()}
    first = next(iter(found.values()))
    same = all(numpy.allclose(values, first, rtol=1e-6, atol=0, equal_nan=True) for values in found.values())
    return {"always": first} if same else found


def _update_after(rule: Expression, gradient: float, part: float) -> float:
    """Return the update for the gradient 1 at a moment of a training whose gradients before were all the same."""
    import numpy

    moment = {"w": 1.0, "t": part * TRAINING_STEPS, "T": TRAINING_STEPS, "noise": 0.0, "annealed_noise": 0.0}
    operands = {name: numpy.float64(value) for name, value in moment.items()}
    with numpy.errstate(all="ignore"):
        kept = _settled(rule, {**operands, "g": numpy.float64(gradient)})
        step = RuleStep({**operands, "g": numpy.float64(1)}, kept, numpy_functions(), uniform=numpy.float64(1))
        return float(step.value(rule))


def _settled(rule: Expression, operands: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each average of a rule comes to while the operands stay as they are."""
    import numpy

    kept: dict[str, Any] = {}
    for part in reversed(list(walk(rule))):  # inner ones first
        if isinstance(part, Call) and part.function in STATEFUL:
            averaged, decay = part.arguments
            assert isinstance(decay, Number)
            value = RuleStep(operands, kept, numpy_functions(), uniform=numpy.float64(1)).value(averaged)
            kept[printed(kept_average(part))] = value / (1 - decay.value) if part.function == "trace" else value
    return kept

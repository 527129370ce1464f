"""Tests of expressions by their outputs on fixed samples: which are the same function, and which cannot be trained.

Anchors of the comparison: 1,000 normal samples and three values of every trained parameter for activation functions; fixed
gradients, parameters and draws over some steps of a training for update rules.
"""

from functools import lru_cache
from itertools import permutations
from typing import Any

from automl_cli.values.activation import ActivationFunction
from automl_cli.values.expressions.canonical import fingerprint, normal_samples, outputs
from automl_cli.values.expressions.derivative import derivative
from automl_cli.values.expressions.evaluation import numpy_functions
from automl_cli.values.expressions.rule_step import ANNEALING, NOISE_DEVIATION, RuleStep, averages, start_of
from automl_cli.values.expressions.tree import Name, replace, uses
from automl_cli.values.optimizer import UpdateRule

Key = tuple[int, ...]

GENERIC = ((0.31, 1.72, 0.63, 1.19, 0.87), (1.33, 0.46, 0.81, 0.27, 1.91), (2.12, 0.94, 0.23, 1.58, 0.52))
"""Three values of every trained parameter, which no simple relation joins; beyond five they are taken again, shifted."""

STEPS = (0, 1, 2, 37, 99)
"""Values of t at which rules are compared, in a training of 100 steps."""

NUMBERS = 200
"""Parameters of the training in which rules are compared."""


@lru_cache(maxsize=65536)
def activation_key(function: ActivationFunction) -> Key:
    """Return integers that are equal for functions that are the same for all values of their trained parameters.

    What the parameters are called does not matter: of all orders the smallest key stands for the function.
    """
    betas = function.betas
    keys = []
    for order in permutations(betas) if 1 < len(betas) <= 3 else [betas]:
        tree = replace(function.tree, {old: Name(new) for old, new in zip(betas, order, strict=True)})
        keys.append(fingerprint(outputs(tree, [_operands(betas, values) for values in GENERIC])))
    return _integers(min(keys))


def _operands(betas: tuple[str, ...], values: tuple[float, ...]) -> dict[str, Any]:
    import numpy

    x = normal_samples()
    taken = {beta: values[at % len(values)] + 0.37 * (at // len(values)) for at, beta in enumerate(betas)}
    return {"x": x, **{beta: numpy.full_like(x, value) for beta, value in taken.items()}}


def activation_problem(function: ActivationFunction) -> str | None:
    """Return why an activation function cannot be trained; None where nothing is against it.

    The function and its derivative must be finite on the samples, with its parameters at their starts, and depend on x.
    """
    import numpy

    if not uses(function.tree, "x"):
        return "it does not depend on x"
    x = normal_samples()
    starts = {beta: numpy.full_like(x, start) for beta, start in zip(function.betas, function.starts, strict=True)}
    (values,) = outputs(function.tree, [{"x": x, **starts}])
    if (bad := ~_is_finite(values)).any():
        return f"it is {values[bad][0]:g} at x = {x[bad][0]:.3f}"
    (slopes,) = outputs(derivative(function.tree), [{"x": x, **starts}])
    if (bad := ~_is_finite(slopes)).any():
        return f"its derivative is {slopes[bad][0]:g} at x = {x[bad][0]:.3f}"
    return "it does not depend on x" if numpy.ptp(values) == 0 else None


@lru_cache(maxsize=65536)
def rule_key(rule: UpdateRule) -> Key:
    """Return integers that are equal for rules that make the same updates."""
    return _integers(fingerprint(rule_updates(rule)))


def rule_problem(rule: UpdateRule) -> str | None:
    """Return why an update rule cannot be trained with; None where nothing is against it."""
    import numpy

    if not uses(rule.expanded, "g"):
        return "it ignores the gradient"
    updates = rule_updates(rule)
    if (bad := ~_is_finite(updates)).any():
        return f"it gives {updates[bad][0]:g} for gradients of usual size"
    if numpy.array_equal(updates, rule_updates(rule, seed=1)):
        return "it ignores the gradient"
    return "all its updates are 0" if not updates.any() else None


def rule_updates(rule: UpdateRule, *, seed: int = 0) -> Any:
    """Return the updates of a rule in a fixed training, float64 of shape (steps, numbers). `seed` is that of the gradients."""
    import numpy

    expression, names = rule.expanded, averages(rule.expanded)
    gradients = numpy.random.Generator(numpy.random.Philox(key=1709 + seed))
    draws = numpy.random.Generator(numpy.random.Philox(key=1511))
    weights = draws.standard_normal(NUMBERS)
    kept = {name: numpy.full(NUMBERS, start_of(name)) for name in names}
    found = []
    with numpy.errstate(all="ignore"):
        for t in STEPS:
            size = 10.0 ** gradients.uniform(-2, 0, NUMBERS)
            operands = {
                "g": size * gradients.standard_normal(NUMBERS),
                "w": weights,
                "t": numpy.float64(t),
                "T": numpy.float64(100),
                "noise": NOISE_DEVIATION * draws.standard_normal(NUMBERS),
                "annealed_noise": (1.0 + t) ** (-ANNEALING / 2) * draws.standard_normal(NUMBERS),
            }
            step = RuleStep(operands, kept, numpy_functions(), uniform=draws.uniform(size=NUMBERS))
            found.append(numpy.broadcast_to(numpy.float64(step.value(expression)), (NUMBERS,)))
            kept = step.kept_after
    return numpy.stack(found)


def _is_finite(values: Any) -> Any:
    """Return where float64 is finite as float32, in which networks compute."""
    import numpy

    with numpy.errstate(over="ignore", under="ignore"):
        return numpy.isfinite(numpy.float32(values))


def _integers(key: bytes) -> Key:
    return tuple(int.from_bytes(key[at : at + 4], "big") for at in range(0, len(key), 4))

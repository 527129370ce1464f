"""Activation functions: expressions, found or published."""

from collections.abc import Iterator
from typing import ClassVar

from automl_cli.core.spaces import Baseline
from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody
from automl_cli.values.activation import ACTIVATIONS, NAMED, ActivationFunction
from automl_cli.values.drawings import Drawing
from automl_cli.values.drawn_formulas import activation_formula
from automl_cli.values.expressions.derivative import derivative
from automl_cli.values.expressions.latex import latex
from automl_cli.values.expressions.reading import Reading, curve, reading
from automl_cli.values.expressions.sameness import activation_problem
from automl_cli.values.expressions.source import FORMATS
from automl_cli.values.expressions.tree import length, printed
from automl_cli.values.sheet import Curves, Facts, Part


class ActivationBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An activation function that a search found."""

    SCHEMA: ClassVar[Schema] = Schema("activation")

    value: ActivationFunction


def words(function: ActivationFunction) -> tuple[str, ...]:
    """Return the formula, and the starts of its trained parameters where they are not 1."""
    starts = [f"{beta} from {start:g}" for beta, start in zip(function.betas, function.starts, strict=True) if start != 1]
    return (", ".join((function.expression, *starts)),)


def sheet(body: ActivationBody, place: str) -> Iterator[Part]:
    """Yield the formula, its derivative and its trained parameters, then what is measured of its curve."""
    function = body.value
    starts = [f"{beta} from {start:g}" for beta, start in zip(function.betas, function.starts, strict=True)]
    yield Facts(
        (
            ("f(x)", function.expression),
            ("f'(x)", printed(derivative(function.tree))),
            ("LaTeX", latex(function.tree, ACTIVATIONS.operand_latex)),
            ("trained", f"{', '.join(starts)}; one number per channel" if starts else "no parameter"),
        )
    )
    yield Facts(tuple(_features(reading(function.tree, _constants(function)))))


def _features(found: Reading) -> Iterator[tuple[str, str]]:
    """Yield what `values.expressions.reading` measures, in words."""
    yield "right arm", _arm_in_words(found)
    yield "hump", _hump_in_words(found)
    bounds = (("below", found.lower), ("above", found.upper))
    yield "bounds", ", ".join(f"none {side}" if at is None else f"{at:.4g} {side}" for side, at in bounds)
    yield "symmetry", "neither even nor odd" if found.parity == "neither" else found.parity
    left, right = found.sides
    form = "smooth" if found.smooth else f"not smooth (slope {left:.4g} to the left, {right:.4g} to the right)"
    yield "at 0", f"f(0) = {found.value:.4g}, f'(0) = {found.slope:.4g}, {form}"


def _arm_in_words(found: Reading) -> str:
    if found.arm is None:
        return "not finite on [2, 5]"
    line = f"a straight line of slope {found.arm.slope:.4g}"
    if found.arm.deviation < 5e-4:
        return f"basically linear on [2, 5]: {line}"
    form = "basically linear" if found.arm.is_linear else "curved"
    return f"{form} on [2, 5]: at most {found.arm.deviation:.1%} of its range off {line}"


def _hump_in_words(found: Reading) -> str:
    if found.turns:
        shown = [f"{turn.kind} {turn.value:.4f} at x = {turn.x:.4f}" for turn in found.turns[:3]]
        more = f", and {len(found.turns) - 3} more" if len(found.turns) > 3 else ""
        return f"{', '.join(shown)}{more} on [-5, 0)"
    if found.monotonic is None:
        return "none left of 0; not finite on all of [-5, 5]"
    return "none: monotonic on [-5, 5]" if found.monotonic else "none left of 0; not monotonic on [-5, 5]"


def drawing(function: ActivationFunction) -> tuple[Drawing, ...]:
    """Return the curves of the function and of its derivative, and its formula."""
    return curves(function), activation_formula(function)


def curves(function: ActivationFunction) -> Curves:
    """Return the curves of the function and of its derivative on [-5, 5], its trained parameters at their starts."""
    x, values, slopes = (array.tolist() for array in curve(function.tree, _constants(function)))
    title = ", ".join((function.expression, *(f"{beta} = {start:g}" for beta, start in _constants(function).items())))
    return Curves(title, tuple(x), (("f(x)", tuple(values)), ("f'(x)", tuple(slopes))))


def _constants(function: ActivationFunction) -> dict[str, float]:
    return dict(zip(function.betas, function.starts, strict=True))


KIND = Kind(
    name="activation",
    role="activation",
    flag="activation",
    value=ActivationFunction,
    body=ActivationBody,
    names=NAMED,
    about="beta, beta2, … are trained, one number per channel. A formula such as 'x * sigmoid(2 * x)' can be given as well.",
    written=ActivationFunction,
    per_channel=lambda function: len(function.betas),
    as_data="blocks",
    words=words,
    sheet=sheet,
    drawing=drawing,
    length=lambda function: length(function.tree),
    problem=activation_problem,
    baseline=Baseline("relu"),
    build="automl_cli.children.activation:function",
    export="automl_cli.jobs.export_expression:export_activation",
    formats=tuple(FORMATS),
    library="automl_cli.children.library:activation",
)

"""Activation functions: expressions, found or published."""

from typing import ClassVar

from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody
from automl_cli.values.activation import NAMED, ActivationFunction
from automl_cli.values.expressions.sameness import activation_problem
from automl_cli.values.expressions.source import FORMATS


class ActivationBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An activation function that a search found."""

    SCHEMA: ClassVar[Schema] = Schema("activation")

    value: ActivationFunction


def words(function: ActivationFunction) -> tuple[str, ...]:
    """Return the formula, and the starts of its trained parameters where they are not 1."""
    starts = [f"{beta} from {start:g}" for beta, start in zip(function.betas, function.starts, strict=True) if start != 1]
    return (", ".join((function.expression, *starts)),)


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
    as_data=True,
    words=words,
    problem=activation_problem,
    build="automl_cli.children.activation:function",
    export="automl_cli.jobs.export_expression:export_activation",
    formats=tuple(FORMATS),
    library="automl_cli.children.library:activation",
)

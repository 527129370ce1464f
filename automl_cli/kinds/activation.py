"""Activation functions, by name."""

from typing import get_args

from automl_cli.plugins.kind import Kind
from automl_cli.values.activation import ActivationFunction, ActivationName

KIND = Kind(
    name="activation",
    role="activation",
    flag="activation",
    value=ActivationFunction,
    names={name: ActivationFunction(name) for name in get_args(ActivationName)},
    words=lambda function: (function.name,),
    build="automl_cli.children.activation:by_name",
)

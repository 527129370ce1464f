"""Activation functions of `values.activation` as functions of arrays."""

from automl_cli.nn.interpret.activations import as_data, traced
from automl_cli.nn.ops.activations import ActivationFunction as NetworkActivation
from automl_cli.values.activation import ActivationFunction


def function(value: ActivationFunction, *, data: bool = False) -> NetworkActivation:
    """Return the function as networks take it, with its trained parameters. ReLU is the one that they have built in.

    With `data` it is data to the programs of networks, which then compile nothing for a new function
    (`nn.interpret.activations`). Raises UserError for one that is too long for that.
    """
    return as_data(value) if data else traced(value)

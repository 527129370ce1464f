"""Activation functions of `values.activation` as functions of arrays."""

from automl_cli.nn.interpret.activations import Activation, traced
from automl_cli.values.activation import ActivationFunction


def function(value: ActivationFunction) -> Activation:
    """Return the function as networks take it, with its trained parameters. ReLU is the one that they have built in."""
    return traced(value.tree, value.betas, value.starts)

"""The networks of children as Flax modules."""

from typing import Any

from flax import nnx

from automl_cli.children.activation import Function
from automl_cli.nn.networks import build_network
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.plugins.roles import built_by, typed_facts, value_of
from automl_cli.values.child import Child
from automl_cli.values.network import Network


def build(network: Network, facts: Any, *, seed: int, activation: Function = relu, auxiliary: bool = False) -> nnx.Module:
    """Build the module of a network for images of the shape and the classes in `facts`, with fresh parameters."""
    return build_network(network, facts.image_shape, len(facts.classes), seed=seed, activation=activation, auxiliary=auxiliary)


def module_of(child: Child, *, seed: int, auxiliary: bool = False) -> nnx.Module:
    """Build the network of a child by the builder of its kind, with the activation of the child."""
    network, activation = child.roles["network"], child.roles["activation"]
    module: nnx.Module = built_by(network)(
        value_of(network),
        typed_facts(child.problem),
        seed=seed,
        activation=built_by(activation)(value_of(activation)),
        auxiliary=auxiliary,
    )
    return module

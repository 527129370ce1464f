"""A `core.networks.Network` as Flax modules.

initial   how parameters are drawn
modules   one module per operation, and the classifier
network   the graph of them: `build_network`
"""

from automl_cli.nn.networks.network import NetworkModule, build_network

__all__ = ["NetworkModule", "build_network"]

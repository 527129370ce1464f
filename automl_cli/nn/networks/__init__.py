"""A `values.network.Network` as Flax modules.

initialization  the initial parameters
modules         one module per operation, and the classifier
drop_path       paths and features dropped at random in training
network         the graph of modules: `build_network`
"""

from automl_cli.nn.networks.drop_path import DropSettings
from automl_cli.nn.networks.network import NetworkModule, build_network

__all__ = ["DropSettings", "NetworkModule", "build_network"]

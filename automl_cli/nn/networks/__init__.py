"""A `values.network.Network` as Flax modules.

initialization  how parameters are drawn
modules         one module per operation, and the classifier
drop_path       what a training drops at random: paths, features
network         the graph of modules: `build_network`
"""

from automl_cli.nn.networks.drop_path import DropSettings
from automl_cli.nn.networks.network import NetworkModule, build_network

__all__ = ["DropSettings", "NetworkModule", "build_network"]

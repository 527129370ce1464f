"""A `values.network.Network` as Flax modules.

initial   how parameters are drawn
modules   one module per operation, and the classifier
noise     what a training drops at random: paths, features
network   the graph of them: `build_network`
"""

from automl_cli.nn.networks.network import NetworkModule, build_network
from automl_cli.nn.networks.noise import NoiseSettings

__all__ = ["NetworkModule", "NoiseSettings", "build_network"]

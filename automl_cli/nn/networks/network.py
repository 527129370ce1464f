"""The graph of a network's blocks as one Flax module."""

import numpy as np
from flax import nnx
from jax import Array

from automl_cli.core.networks import IMAGE, Network, Shape, joined_shape
from automl_cli.core.streams import stream_seed
from automl_cli.nn.networks.modules import MODULES, Classifier


class NetworkModule(nnx.Module):
    """Images (batch, height, width, channels) to logits (batch, classes)."""

    def __init__(self, network: Network, image: Shape, classes: int, *, seed: int) -> None:
        shapes = network.shapes(image)
        self.network, self.image, self.classes = network, image, classes
        blocks = {}
        for block in network.blocks:
            channels = joined_shape((shapes[name] for name in block.inputs), block.join)[2]
            blocks[block.name] = MODULES[type(block.operation)](block.operation, channels, _generator(seed, block.name))
        self.blocks = nnx.Dict(blocks)
        features = joined_shape(shapes[name] for name in network.outputs)[2]
        self.classifier = Classifier(features, classes, _generator(seed, "classifier"))

    def __call__(self, images: Array, *, train: bool) -> Array:
        tensors = {IMAGE: images.transpose(1, 2, 0, 3)}
        for block in self.network.blocks:
            tensors[block.name] = self.blocks[block.name]([tensors[name] for name in block.inputs], train=train)
        return self.classifier([tensors[name] for name in self.network.outputs])


def build_network(network: Network, image: Shape, classes: int, *, seed: int) -> NetworkModule:
    """The network for images of this shape, with parameters that are a function of the seed and the names of the blocks."""
    return NetworkModule(network, image, classes, seed=seed)


def _generator(seed: int, block: str) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=stream_seed(seed, "initial parameters", block)))

"""The graph of a network's blocks as one Flax module."""

from functools import reduce
from operator import add

from flax import nnx
from jax import Array

from automl_cli.core.networks import IMAGE, Network, Shape, joined_shape
from automl_cli.nn.networks.initial import Initial
from automl_cli.nn.networks.modules import MODULES, Classifier


class NetworkModule(nnx.Module):
    """Images (batch, height, width, channels) to logits (batch, classes)."""

    def __init__(self, network: Network, image: Shape, classes: int, *, seed: int) -> None:
        shapes = network.shapes(image)
        self.network, self.image, self.classes = network, image, classes
        blocks = {}
        for block in network.blocks:
            channels = joined_shape((shapes[name] for name in block.inputs), block.join)[2]
            initial = Initial(seed, block.name, network.fan)
            blocks[block.name] = MODULES[type(block.operation)](block.operation, channels, initial)
        self.blocks = nnx.Dict(blocks)
        features = joined_shape(shapes[name] for name in network.outputs)[2]
        self.classifier = Classifier(features, classes, Initial(seed, "classifier", network.fan))

    def __call__(self, images: Array, *, train: bool) -> Array:
        tensors = {IMAGE: images.transpose(1, 2, 0, 3)}
        for block in self.network.blocks:
            inputs = [tensors[name] for name in block.inputs]
            if block.join == "add":
                inputs = [reduce(add, inputs)]
            tensors[block.name] = self.blocks[block.name](inputs, train=train)
        return self.classifier([tensors[name] for name in self.network.outputs])


def build_network(network: Network, image: Shape, classes: int, *, seed: int) -> NetworkModule:
    """The network for images of this shape, with parameters that are a function of the seed and the names of the blocks."""
    return NetworkModule(network, image, classes, seed=seed)

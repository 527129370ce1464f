"""The graph of a network's blocks as one Flax module."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from flax import nnx
from jax import Array

from automl_cli.nn.networks.drop_path import DropMasks
from automl_cli.nn.networks.initialization import Initializer
from automl_cli.nn.networks.modules import MODULES, Classifier
from automl_cli.nn.ops.relu_recomputed import relu
from automl_cli.nn.ops.units import ActivationFunction
from automl_cli.values.network import IMAGE, Block, Network, Shape, joined_shape


class NetworkModule(nnx.Module):
    """Network from images (batch, height, width, channels) to logits (batch, classes).

    In training with an auxiliary head it returns a pair of logits, those of the auxiliary head second.
    """

    def __init__(
        self,
        network: Network,
        image: Shape,
        classes: int,
        *,
        seed: int,
        auxiliary: bool,
        activation: ActivationFunction,
    ) -> None:
        shapes = network.training_shapes(image) if auxiliary else network.shapes(image)
        self.network, self.image, self.classes, self.activation = network, image, classes, activation

        def modules(blocks: Sequence[Block]) -> nnx.Dict[nnx.Module]:
            made = {}
            for block in blocks:
                initial = Initializer(seed, block.name, network.fan)
                module, channels = MODULES[type(block.operation)], block.input_shape(shapes)[2]
                made[block.name] = module(block.operation, channels, initial, activation)
            return nnx.Dict(made)

        def classifier(name: str, outputs: Sequence[str]) -> Classifier:
            features = joined_shape(shapes[output] for output in outputs)[2]
            return Classifier(features, classes, Initializer(seed, name, network.fan))

        self.blocks = modules(network.blocks)
        self.classifier = classifier("classifier", network.outputs)
        self.has_auxiliary = auxiliary and bool(network.auxiliary)
        if self.has_auxiliary:
            self.auxiliary = modules(network.auxiliary)
            self.auxiliary_classifier = classifier("auxiliary classifier", (network.auxiliary[-1].name,))

    def __call__(self, images: Array, *, train: bool, drop: DropMasks | None = None) -> Any:
        """Return the logits (batch, classes); in training, `drop` drops paths and features."""
        tensors = {IMAGE: images.transpose(1, 2, 0, 3)}
        drop = drop if train else None
        self._run(self.network.blocks, self.blocks, tensors, train=train, drop=drop)
        mask = None if drop is None else drop.features
        logits = self.classifier([tensors[name] for name in self.network.outputs], mask)
        if not (train and self.has_auxiliary):
            return logits
        self._run(self.network.auxiliary, self.auxiliary, tensors, train=train, drop=None)
        return logits, self.auxiliary_classifier([tensors[self.network.auxiliary[-1].name]])

    def _run(
        self,
        blocks: Sequence[Block],
        modules: nnx.Dict[nnx.Module],
        tensors: dict[str, Array],
        *,
        train: bool,
        drop: DropMasks | None,
    ) -> None:
        for number, block in enumerate(blocks):
            inputs = [tensors[name] for name in block.inputs]
            if block.join == "add":
                inputs = [reduce(add, inputs)]
            output = modules[block.name](inputs, train=train)
            if drop is not None and block.drop_path is not None:
                output = drop.path(output, number, block.drop_path)
            tensors[block.name] = output


def build_network(
    network: Network,
    image: Shape,
    classes: int,
    *,
    seed: int,
    auxiliary: bool = False,
    activation: ActivationFunction = relu,
) -> NetworkModule:
    """Build the module of a network for images of shape `image`, (height, width, channels).

    Initial parameters depend only on the seed and the names of the blocks. `auxiliary` adds the auxiliary head for training.
    `activation` is the function that the operations call "act".
    """
    return NetworkModule(network, image, classes, seed=seed, auxiliary=auxiliary, activation=activation)

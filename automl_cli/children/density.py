"""Density matching: a policy is scored by trained networks on augmented examples that they were not trained on.

Fast AutoAugment (Lim, Kim, Kim, Kim and Kim, arXiv 1905.00397), section 3. An example counts as right where the network is
right on at least one of its augmented versions, so a policy scores high whose images look like those that the network learnt
from.
"""

from collections.abc import Mapping
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from automl_cli.children.augmentation import ImageAugmentation
from automl_cli.children.prediction import NO_TRAINING, expected_weights, largest_batch
from automl_cli.core.protocols import Diverged
from automl_cli.core.random_streams import stream
from automl_cli.nn.augment.pipeline import Pipeline, training_inputs
from automl_cli.nn.augment.policy import PolicyTable
from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.engines import WholeEngine
from automl_cli.nn.metrics import Metric


def packed(weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the weights of a network one after the other, by name: float32 of one axis."""
    return np.concatenate([np.ravel(weights[name]) for name in sorted(weights)]).astype(np.float32)


def packed_size(model: nnx.Module) -> int:
    """Return the number of weights of a network, as `packed` counts them."""
    return sum(array.size for array in expected_weights(model).values())


def unpacked(numbers: np.ndarray, model: nnx.Module) -> dict[str, np.ndarray]:
    """Undo `packed` for this network; `numbers` have one axis."""
    expected = expected_weights(model)
    ends = np.cumsum([expected[name].size for name in sorted(expected)])
    parts = zip(sorted(expected), np.split(numbers, ends[:-1]), strict=True)
    return {name: part.reshape(expected[name].shape) for name, part in parts}


class HeldOutExamples:
    """A trained network and examples that it was not trained on, as batches on the device.

    `images` are (examples, height, width, channels) uint8, `labels` (examples,) int32, `moments` mean and standard deviation of
    each channel, (channels,) each. The last batch is padded with copies of the last image.
    """

    def __init__(
        self,
        model: nnx.Module,
        weights: Mapping[str, np.ndarray],
        *,
        images: np.ndarray,
        labels: np.ndarray,
        moments: tuple[np.ndarray, np.ndarray],
    ) -> None:
        self._engine = WholeEngine(model, **NO_TRAINING)
        self._state = self._engine.state(weights)
        self._labels = labels
        self._moments = tuple(map(jnp.asarray, moments))
        parts = -(-len(images) // largest_batch(images.shape[1:]))
        size = -(-len(images) // parts)
        padded = np.concatenate([images, np.repeat(images[-1:], parts * size - len(images), axis=0)])
        self._parts = [jnp.asarray(part) for part in np.split(padded, parts)]

    def score(self, augmentation: ImageAugmentation, metric: Metric, *, versions: int, seed: int) -> float:
        """Return the metric of the examples, each by the first of so many augmented versions that the network gets right, or by
        the last.

        Raises Diverged for outputs that are not finite.
        """
        _, height, width, channels = self._parts[0].shape
        policy = jax.tree.map(jnp.asarray, augmentation.policy((height, width, channels)))
        best = self._outputs(augmentation.pipeline, policy, seed, version=0)
        for version in range(1, versions):
            wrong = best.argmax(-1) != self._labels
            if not wrong.any():
                break
            best = np.where(wrong[:, None], self._outputs(augmentation.pipeline, policy, seed, version=version), best)
        return metric.result(metric.add(metric.start(), best, self._labels))

    def _outputs(self, pipeline: Pipeline, policy: PolicyTable | None, seed: int, *, version: int) -> np.ndarray:
        """Return the outputs for one augmented version of all examples, (examples, classes)."""
        random = stream(seed, "version", version)
        outputs = []
        for part in self._parts:
            key = np.array([random.getrandbits(32), random.getrandbits(32)], np.uint32)
            inputs = _inputs(pipeline)(part, *self._moments, key, policy)
            outputs.append(self._engine.outputs(self._state, inputs))
        found = np.concatenate([np.asarray(output) for output in outputs])[: len(self._labels)]
        if not np.isfinite(found).all():
            raise Diverged("outputs of a network for augmented images are not finite")
        return found


@cache
def _inputs(pipeline: Pipeline) -> Program:
    """Return the program (images, mean, standard deviation, key, policy or None) -> augmented inputs of the network."""

    def inputs(images: Array, mean: Array, std: Array, key: Array, policy: PolicyTable | None) -> Array:
        return training_inputs(images, mean, std, key, pipeline=pipeline, policy=policy)

    return compiled(inputs, loops=True)

"""Batches of training images: gathered, whitened and augmented by one compiled program that all children of a worker share.

The random draws of an augmentation depend only on the key of the batch, so the same seed gives the same images on any worker.
"""

from collections.abc import Generator, Iterator
from copy import copy
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.core.random_streams import stream_seed
from automl_cli.nn.augment.crops import View
from automl_cli.nn.augment.pipeline import Pipeline, training_inputs, whiten
from automl_cli.nn.augment.policy import PolicyTable
from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.evaluation import EvaluationBatch


def shuffled_batches(seed: int, epoch: int, *, examples: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return an iterator over the batches of an epoch: example indices (size,) int32, and the random key of the batch (2,)
    uint32."""
    random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "batches", epoch)))
    steps = examples // size
    order = random.permutation(examples)[: steps * size].astype(np.int32).reshape(steps, -1)
    keys = random.integers(0, 2**32, (steps, 2), np.uint32)
    return zip(order, keys, strict=True)


class Batches:
    """Training examples on the device, served in whole batches in an order drawn for each epoch.

    `images` are (examples, height, width, channels), `labels` (examples,) int32, `moments` the mean and standard deviation of
    each channel, (channels,) each. Examples left over after the last whole batch are skipped, different ones in each epoch. A
    set smaller than one batch is one batch. With a policy the images must be uint8.
    """

    carry = None

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        moments: tuple[np.ndarray, np.ndarray],
        size: int,
        pipeline: Pipeline,
    ) -> None:
        self._arrays = tuple(jnp.asarray(array) for array in (images, labels, *moments))
        self._examples = len(labels)
        self.size = min(size, self._examples)
        self._pipeline = pipeline
        self.policy: PolicyTable | None = None
        self.steps = self._examples // self.size

    def with_policy(self, policy: PolicyTable | None) -> "Batches":
        """Return batches of the same arrays, which are not copied, augmented by another policy."""
        other = copy(self)
        other.policy = jax.tree.map(jnp.asarray, policy)
        return other

    def epoch(self, seed: int, epoch: int) -> Generator[tuple[Array, Array], None, None]:
        """Yield the batches of one epoch: images (size, height, width, channels) float32, labels (size,) int32."""
        batch = _batch(self._pipeline, self.policy is not None)
        for indices, key in shuffled_batches(seed, epoch, examples=self._examples, size=self.size):
            yield batch(*self._arrays, indices, key, self.policy)


@cache
def _batch(pipeline: Pipeline, with_policy: bool) -> Program:
    """Return the program (images, labels, mean, standard deviation, indices, key, policy or None) -> (batch of images, their
    labels)."""

    def batch(
        images: Array, labels: Array, mean: Array, std: Array, indices: Array, key: Array, policy: PolicyTable | None
    ) -> tuple[Array, Array]:
        return training_inputs(images[indices], mean, std, key, pipeline=pipeline, policy=policy), labels[indices]

    return compiled(batch, loops=with_policy)


class Examples:
    """Whitened examples on the device for evaluation, in batches of one size, so that only one program is compiled.

    `images` are (examples, height, width, channels), `moments` the mean and standard deviation of each channel, (channels,)
    each. The last batch is padded with copies of the last image. With `smaller` the batch size may be below `largest_batch`,
    which leaves less to pad. Labels (examples,) are needed only for scoring.
    """

    carry = None

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        *,
        moments: tuple[np.ndarray, np.ndarray],
        largest_batch: int,
        smaller: bool = True,
        view: View | None = None,
    ) -> None:
        self._count = len(images)
        self._labels = labels
        parts = -(-self._count // largest_batch)
        size = -(-self._count // parts) if smaller else largest_batch
        mean, std = (jnp.asarray(moment) for moment in moments)
        padded = np.concatenate([images, np.repeat(images[-1:], parts * size - self._count, axis=0)])
        self._parts = [evaluation_view(view)(part, mean, std) for part in np.split(padded, parts)]

    def batches(self) -> Iterator[EvaluationBatch]:
        """Yield all examples in order, as batches of images (size, height, width, channels)."""
        size = len(self._parts[0])
        for start, part in zip(range(0, self._count, size), self._parts, strict=True):
            count = min(size, self._count - start)
            yield EvaluationBatch(part, count, None if self._labels is None else self._labels[start : start + count])


@cache
def evaluation_view(view: View | None) -> Program:
    """Return the program (images (batch, height, width, channels), mean, standard deviation) -> whitened images in the
    evaluation view."""

    def function(images: Array, mean: Array, std: Array) -> Array:
        whitened = whiten(images, mean, std)
        return whitened if view is None else view(whitened)

    return compiled(function)

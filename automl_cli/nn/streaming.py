"""Batches of pictures that are decoded on demand, with the interface of `augment.batches`.

At most `BATCHES_AHEAD` batches, or `LEAST_AHEAD` pictures, are requested beyond the batch in use, and at most `BATCHES_AHEAD`
batches wait on the device. So memory does not grow with the data or with the lead of the host over the device.
"""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from copy import copy
from functools import cache
from itertools import islice
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.nn.augment.batches import evaluation_view, shuffled_batches
from automl_cli.nn.augment.crops import View
from automl_cli.nn.augment.pipeline import Pipeline, training_inputs
from automl_cli.nn.augment.policy import PolicyTable
from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.evaluation import EvaluationBatch

BATCHES_AHEAD = 2

LEAST_AHEAD = 64
"""Least number of pictures to request ahead, so that every thread is busy where batches are small."""


class EvaluationStream(Protocol):
    """Examples for evaluation that are decoded on demand."""

    @property
    def labels(self) -> np.ndarray | None:
        """Labels of all examples, (examples,) int32; None where there are none."""
        ...

    def __len__(self) -> int: ...

    def centres(self, *, depth: int) -> Generator[np.ndarray, None, None]:
        """Yield the evaluation crops of all examples in order, each (height, width, channels) uint8."""
        ...


class Stream(EvaluationStream, Protocol):
    """Examples that are decoded on demand (`data.StreamedSplit`)."""

    @property
    def labels(self) -> np.ndarray:
        """Labels of all examples, (examples,) int32."""
        ...

    def crops(
        self, indices: Iterator[int], *, seed: int, epoch: int, flip: bool, depth: int
    ) -> Generator[np.ndarray, None, None]:
        """Yield the training crops of these examples in order, each (height, width, channels) uint8."""
        ...


class StreamedBatches:
    """Training examples decoded ahead of the device, in whole batches in the order that `augment.batches.Batches` draws.

    `moments` are the mean and standard deviation of each channel, (channels,) each.
    """

    carry = None

    def __init__(
        self, stream: Stream, *, moments: tuple[np.ndarray, np.ndarray], size: int, flip: bool, pipeline: Pipeline
    ) -> None:
        self._stream = stream
        self._moments = tuple(jnp.asarray(moment) for moment in moments)
        self._flip = flip
        self._pipeline = pipeline
        self.policy: PolicyTable | None = None
        self.size = min(size, len(stream))
        self.steps = len(stream) // self.size

    def with_policy(self, policy: PolicyTable | None) -> "StreamedBatches":
        """Return batches of the same pictures, augmented by another policy."""
        other = copy(self)
        other.policy = jax.tree.map(jnp.asarray, policy)
        return other

    def epoch(self, seed: int, epoch: int) -> Generator[tuple[Array, Array], None, None]:
        """Yield the batches of one epoch: images (size, height, width, channels) float32, labels (size,) int32."""
        batches = list(shuffled_batches(seed, epoch, examples=len(self._stream), size=self.size))
        order = (int(index) for indices, _ in batches for index in indices)
        crops = self._stream.crops(order, seed=seed, epoch=epoch, flip=self._flip, depth=_prefetch_depth(self.size))
        on_device: deque[Array] = deque()
        with closing(crops):
            for indices, key in batches:
                images = np.stack([next(crops) for _ in indices])
                if len(on_device) == BATCHES_AHEAD:
                    on_device.popleft().block_until_ready()
                labels = jnp.asarray(self._stream.labels[indices])
                prepared, ready = _prepared(self._pipeline)(images, *self._moments, key, self.policy)
                on_device.append(ready)
                yield prepared, labels


@cache
def _prepared(pipeline: Pipeline) -> Program:
    """Return the program (images, mean, standard deviation, key, policy or None) -> (batch, one of its numbers).

    Waiting for the one number does not keep the batch alive.
    """

    def prepare(images: Array, mean: Array, std: Array, key: Array, policy: PolicyTable | None) -> tuple[Array, Array]:
        prepared = training_inputs(images, mean, std, key, pipeline=pipeline, policy=policy)
        return prepared, prepared[0, 0, 0, 0]

    return compiled(prepare, loops=True)


class StreamedExamples:
    """Examples for evaluation, decoded again for each evaluation, in batches of one size.

    The last batch is padded. `smaller`, `moments` and `view` are as in `augment.batches.Examples`. A stream may yield fewer
    pictures than its length says.
    """

    carry = None

    def __init__(
        self,
        stream: EvaluationStream,
        *,
        moments: tuple[np.ndarray, np.ndarray],
        largest_batch: int,
        smaller: bool = True,
        view: View | None = None,
    ) -> None:
        self._stream, self._view = stream, view
        self._moments = tuple(jnp.asarray(moment) for moment in moments)
        parts = -(-len(stream) // largest_batch)
        self._size = -(-len(stream) // parts) if smaller else largest_batch

    def batches(self) -> Iterator[EvaluationBatch]:
        """Yield all examples in order, as batches of images (size, height, width, channels)."""
        start = 0
        with closing(self._stream.centres(depth=_prefetch_depth(self._size))) as images:
            while batch := list(islice(images, self._size)):
                padded = np.stack(batch + [batch[-1]] * (self._size - len(batch)))
                labels = None if self._stream.labels is None else self._stream.labels[start : start + len(batch)]
                start += len(batch)
                yield EvaluationBatch(evaluation_view(self._view)(padded, *self._moments), len(batch), labels)


def _prefetch_depth(size: int) -> int:
    """Return the number of pictures to request ahead for this batch size."""
    return max(BATCHES_AHEAD * size, LEAST_AHEAD)

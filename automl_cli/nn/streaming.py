"""Batches of images that come from elsewhere one by one: with the face of `augment.Batches` and `augment.Examples`.

At most `BATCHES_AHEAD` batches, or `LEAST_AHEAD` images, are asked for beyond the batch in use, and as many batches wait on
the device, so memory does not grow with the data nor with how far the host is ahead of the device.
"""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from functools import cache
from itertools import islice
from typing import Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.nn.augment import Transform, drawn_batches, transformed, viewed
from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.evaluation import EvaluationBatch

BATCHES_AHEAD = 2

LEAST_AHEAD = 64
"""Images asked for ahead where batches are small, so that every thread has something to do."""


class Stream(Protocol):
    """Examples that are decoded as they are needed (`data.StreamedSplit`)."""

    @property
    def labels(self) -> np.ndarray:
        """int32 (examples,)."""
        ...

    def __len__(self) -> int: ...

    def crops(
        self, places: Iterator[int], *, seed: int, epoch: int, flip: bool, depth: int
    ) -> Generator[np.ndarray, None, None]:
        """uint8 images of these examples as they are trained on, in order."""
        ...

    def centres(self, *, depth: int) -> Generator[np.ndarray, None, None]:
        """uint8 images of all examples as they are looked at outside training, in order."""
        ...


class StreamedBatches:
    """Training examples decoded ahead of the device, in whole batches in the order that `augment.Batches` draws."""

    carry = None

    def __init__(
        self, stream: Stream, *, moments: tuple[np.ndarray, np.ndarray], size: int, flip: bool, transform: Transform | None
    ) -> None:
        self._stream = stream
        self._moments = tuple(jnp.asarray(moment) for moment in moments)
        self._flip = flip
        self._transform = transform
        self.size = min(size, len(stream))
        self.steps = len(stream) // self.size

    def epoch(self, seed: int, epoch: int) -> Generator[tuple[Array, Array], None, None]:
        """The batches of one epoch."""
        drawn = list(drawn_batches(seed, epoch, examples=len(self._stream), size=self.size))
        places = (int(place) for indices, _ in drawn for place in indices)
        crops = self._stream.crops(places, seed=seed, epoch=epoch, flip=self._flip, depth=_ahead(self.size))
        waiting: deque[Array] = deque()
        with closing(crops):
            for indices, key in drawn:
                images = np.stack([next(crops) for _ in indices])
                if len(waiting) == BATCHES_AHEAD:
                    waiting.popleft().block_until_ready()
                labels = jnp.asarray(self._stream.labels[indices])
                prepared, ready = _prepared(self._transform)(images, *self._moments, key)
                waiting.append(ready)
                yield prepared, labels


@cache
def _prepared(transform: Transform | None) -> Program:
    """(images, mean, standard deviation, key) -> the batch, and one number of it: to wait for without holding on to the
    batch."""

    def prepare(images: Array, mean: Array, std: Array, key: Array) -> tuple[Array, Array]:
        prepared = transformed(images, mean, std, key, transform=transform)
        return prepared, prepared[0, 0, 0, 0]

    return compiled(prepare)


class StreamedExamples:
    """Examples for evaluation, decoded again each time they are looked at, in batches of one size: the last one is filled up
    and its rest ignored. `smaller` as in `augment.Examples`."""

    carry = None

    def __init__(
        self, stream: Stream, *, moments: tuple[np.ndarray, np.ndarray], largest_batch: int, smaller: bool = True
    ) -> None:
        self._stream = stream
        self._moments = tuple(jnp.asarray(moment) for moment in moments)
        parts = -(-len(stream) // largest_batch)
        self._size = -(-len(stream) // parts) if smaller else largest_batch

    def batches(self) -> Iterator[EvaluationBatch]:
        """All of them, in order."""
        start = 0
        with closing(self._stream.centres(depth=_ahead(self._size))) as images:
            while batch := list(islice(images, self._size)):
                filled = np.stack(batch + [batch[-1]] * (self._size - len(batch)))
                labels = self._stream.labels[start : start + len(batch)]
                start += len(batch)
                yield EvaluationBatch(viewed(None)(filled, *self._moments), len(batch), labels)


def _ahead(size: int) -> int:
    """How many images are asked for ahead, with batches of this size."""
    return max(BATCHES_AHEAD * size, LEAST_AHEAD)

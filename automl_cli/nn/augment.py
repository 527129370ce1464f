"""Batches of training images: gather, whiten, transform, as one compiled program that all children of a worker share.

What a transformation draws is a function of the key of the batch, so the same seed gives the same images on any worker.
"""

from collections.abc import Callable, Generator, Iterator
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from automl_cli.core.random_streams import stream_seed
from automl_cli.nn.compilation import Program, compiled
from automl_cli.nn.evaluation import EvaluationBatch

Transform = Callable[[Array, Array], Array]
"""(whitened images, random key) -> images of the same shape. Hashable and kept: it is part of the compiled program's key."""

View = Callable[[Array], Array]
"""Whitened images -> images of the same shape, as they are looked at outside training."""

UPSAMPLING = 1.25
"""NAS upsamples before it crops but does not say to what size; NASNet's same recipe gives 40 pixels for 32."""


@cache
def crop_and_flip(*, flip: bool) -> Transform:
    """Upsample by 1.25, crop a random window of the old size, and mirror half of the images where `flip` says so (NAS, arXiv
    1611.01578, section 4.1). Upsampling is bilinear. Both are one product per axis with a row of a small table of matrices."""

    def transform(images: Array, key: Array) -> Array:
        batch, height, width, _ = images.shape
        rows_key, columns_key, flip_key = jax.random.split(key, 3)
        rows = _random_crops(rows_key, batch, height)
        columns = _random_crops(columns_key, batch, width)
        cropped = jnp.einsum("bij,bjwc->biwc", rows, images)
        cropped = jnp.einsum("bkw,biwc->bikc", columns, cropped)
        if not flip:
            return cropped
        mirrored = jax.random.bernoulli(flip_key, 0.5, (batch, 1, 1, 1))
        return jnp.where(mirrored, cropped[:, :, ::-1], cropped)

    return transform


def centre_crop(images: Array) -> Array:
    """The middle of the upsampled images, which is what a network trained by `crop_and_flip` is to be shown outside training.

    The paper does not say what it evaluates on. The images themselves show everything smaller by a factor of 1.25 than it was
    trained on: a network that gets 99.6 % of the validation digits right this way gets 77.7 % of them right that way.
    """
    _, height, width, _ = images.shape
    rows, columns = (jnp.asarray(_windows(size)[(round(UPSAMPLING * size) - size) // 2]) for size in (height, width))
    return jnp.einsum("kw,biwc->bikc", columns, jnp.einsum("ij,bjwc->biwc", rows, images))


def _random_crops(key: Array, batch: int, size: int) -> Array:
    """For each image the matrix (size, size) that upsamples one axis and cuts a window at a random offset."""
    windows = _windows(size)
    return jnp.asarray(windows)[jax.random.randint(key, (batch,), 0, len(windows))]


def _windows(size: int) -> np.ndarray:
    """The matrices (size, size) that upsample one axis and cut a window, by the window's offset."""
    matrix = upsampling_matrix(size, round(UPSAMPLING * size))
    return np.stack([matrix[start : start + size] for start in range(len(matrix) - size + 1)])


def upsampling_matrix(size: int, upsampled: int) -> np.ndarray:
    """Bilinear interpolation of `size` pixels at `upsampled` places, as a matrix; pixel centres at (i + 1/2) / size."""
    places = np.clip((np.arange(upsampled) + 0.5) * size / upsampled - 0.5, 0, size - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(size)[None])).astype(np.float32)


def whiten(images: Array, mean: Array, std: Array) -> Array:
    """Subtract the mean and divide by the standard deviation of each channel over the training images."""
    return (images.astype(jnp.float32) - mean[None, None, None]) / jnp.maximum(std, 1e-6)[None, None, None]


def drawn_batches(seed: int, epoch: int, *, examples: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The examples of each batch of an epoch, int32 (size,), and the key of what is drawn for the batch."""
    random = np.random.Generator(np.random.Philox(key=stream_seed(seed, "batches", epoch)))
    steps = examples // size
    order = random.permutation(examples)[: steps * size].astype(np.int32).reshape(steps, -1)
    keys = random.integers(0, 2**32, (steps, 2), np.uint32)
    return zip(order, keys, strict=True)


class Batches:
    """Training examples on the device, served in whole batches in an order drawn for each epoch.

    A rest smaller than a batch is left out, another one in each epoch. A set smaller than one batch is one batch.
    """

    carry = None

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        moments: tuple[np.ndarray, np.ndarray],
        size: int,
        transform: Transform | None,
    ) -> None:
        self._arrays = tuple(jnp.asarray(array) for array in (images, labels, *moments))
        self._examples = len(labels)
        self.size = min(size, self._examples)
        self._transform = transform
        self.steps = self._examples // self.size

    def epoch(self, seed: int, epoch: int) -> Generator[tuple[Array, Array], None, None]:
        """The batches of one epoch."""
        for indices, key in drawn_batches(seed, epoch, examples=self._examples, size=self.size):
            yield _batch(self._transform)(*self._arrays, indices, key)


@cache
def _batch(transform: Transform | None) -> Program:
    """(images, labels, mean, standard deviation, indices, key) -> the batch."""

    def batch(images: Array, labels: Array, mean: Array, std: Array, indices: Array, key: Array) -> tuple[Array, Array]:
        return transformed(images[indices], mean, std, key, transform=transform), labels[indices]

    return compiled(batch)


def transformed(images: Array, mean: Array, std: Array, key: Array, *, transform: Transform | None) -> Array:
    """The images whitened and, where there is a transformation, transformed with what the key says."""
    whitened = whiten(images, mean, std)
    return whitened if transform is None else transform(whitened, jax.random.wrap_key_data(key, impl="threefry2x32"))


class Examples:
    """Whitened examples on the device for evaluation, in batches of one size: the last one is filled up and its rest
    ignored, so that no second program is compiled. With `smaller` the batches may be smaller than the largest, to fill up
    less. Labels are needed where the examples are scored."""

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
        filled = np.concatenate([images, np.repeat(images[-1:], parts * size - self._count, axis=0)])
        self._parts = [viewed(view)(part, mean, std) for part in np.split(filled, parts)]

    def batches(self) -> Iterator[EvaluationBatch]:
        """All of them, in order."""
        size = len(self._parts[0])
        for start, part in zip(range(0, self._count, size), self._parts, strict=True):
            count = min(size, self._count - start)
            yield EvaluationBatch(part, count, None if self._labels is None else self._labels[start : start + count])


@cache
def viewed(view: View | None) -> Program:
    """(images, mean, standard deviation) -> the images whitened, as they are looked at outside training."""

    def function(images: Array, mean: Array, std: Array) -> Array:
        whitened = whiten(images, mean, std)
        return whitened if view is None else view(whitened)

    return compiled(function)

"""Digests of the content of prepared images: they tell whether a set is that of a training, and which pictures two sets share.

Sixty-four bits of each image as it is shown to networks, before it is whitened, so that a picture is the same picture wherever
its file lies and whatever it is called. Of a million pictures two different ones are taken for the same with a probability of
3e-8.
"""

import hashlib
from collections.abc import Mapping

import numpy as np

Contents = Mapping[str, np.ndarray]
"""Digests of the images that a model was `trained` and `tested` on, (examples,) uint64 each, in increasing order."""


def contents_of(*images: np.ndarray) -> np.ndarray:
    """Return the digest of each image of these arrays (examples, height, width, channels), one after the other: (examples,)
    uint64."""
    digests = [_digest(image) for array in images for image in array]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _digest(image: np.ndarray) -> bytes:
    digest = hashlib.blake2b(f"{image.shape} {image.dtype.str}|".encode(), digest_size=8)
    digest.update(image.tobytes())
    return digest.digest()


def common(contents: np.ndarray, others: np.ndarray) -> int:
    """Return how many of these examples, (examples,) uint64, have the content of one of the others."""
    return int(np.isin(contents, others).sum())


def same(contents: np.ndarray, others: np.ndarray) -> bool:
    """Return whether two sets hold the same images, in any order: (examples,) uint64 each."""
    return len(contents) == len(others) and bool((np.sort(contents) == np.sort(others)).all())

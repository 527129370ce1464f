"""What a training may drop at random: paths of cells, and features in front of the classifier."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from automl_cli.core.cells import keep_probability

FEATURES = 2**32 - 1
"""What the draws of dropped features are folded with; those of a path with the number of its block."""


class NoiseSettings(NamedTuple):
    """`keep` is the probability with which ScheduledDropPath keeps a path of the last cell at the end of the training
    (NASNet, arXiv 1707.07012, section 3), `dropout` that with which a feature is dropped."""

    keep: float
    dropout: float


class Noise(NamedTuple):
    """The draws of one step, at a share `progress` of the training. What is kept is divided by the probability of keeping it,
    so evaluation needs nothing."""

    settings: NoiseSettings
    key: Array
    progress: Array

    def path(self, x: Array, number: int, depth: float) -> Array:
        """The output of block `number`, in a cell of this depth; dropped per example of (height, width, batch, channels)."""
        if self.settings.keep == 1:
            return x
        keep = 1 - self.progress * (1 - keep_probability(self.settings.keep, depth=depth, progress=1.0))
        kept = jax.random.bernoulli(jax.random.fold_in(self._key, number), keep, (1, 1, x.shape[2], 1))
        return jnp.where(kept, x / keep, 0).astype(x.dtype)

    def features(self, x: Array) -> Array:
        """Pooled features (batch, channels), each dropped on its own."""
        if self.settings.dropout == 0:
            return x
        keep = 1 - self.settings.dropout
        kept = jax.random.bernoulli(jax.random.fold_in(self._key, FEATURES), keep, x.shape)
        return jnp.where(kept, x / keep, 0)

    @property
    def _key(self) -> Array:
        return jax.random.wrap_key_data(self.key, impl="threefry2x32")

"""Paths of cells, and features in front of the classifier, that are dropped at random in training."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from automl_cli.values.cell import keep_probability

FEATURES_NUMBER = 2**32 - 1
"""Number folded into the key for feature factors; that for a path is the number of its block."""


class DropSettings(NamedTuple):
    """Probabilities of dropping paths and features.

    `keep` is the probability with which ScheduledDropPath keeps a path of the last cell at the end of the training (NASNet,
    arXiv 1707.07012, section 3). `dropout` is the probability of dropping a feature. Without `by_depth` the paths of all cells
    are kept with the probability of the last one.
    """

    keep: float
    dropout: float
    by_depth: bool = True


class DropMasks(NamedTuple):
    """The random factors of one step: 0 for dropped paths and features, 1 / (probability of keeping) for the others.

    Evaluation needs no factors. `progress` in [0, 1] is the share of the training that is done. A draw depends only on the key
    and on its purpose, so all engines draw the same factors.
    """

    settings: DropSettings
    key: Array
    progress: Array

    def path(self, x: Array, number: int, depth: float) -> Array:
        """Drop the output x (height, width, batch, channels) of block `number`, in a cell of this depth, for some examples."""
        if self.settings.keep == 1:
            return x
        factors = self.path_factors(number, final_drop_rate(self.settings, depth), x.shape[2])
        return scale_examples(x, factors)

    def path_factors(self, number: int | Array, drop_rate: float | Array, examples: int) -> Array:
        """Return the factors of block `number`, (examples,); `drop_rate` is its drop rate at the end of the training."""
        keep = 1 - self.progress * drop_rate
        keep_mask = jax.random.bernoulli(jax.random.fold_in(self._key, number), keep, (examples,))
        return jnp.where(keep_mask, 1 / keep, 0)

    def features(self, x: Array) -> Array:
        """Drop some of the pooled features (batch, channels), each independently."""
        return x if self.settings.dropout == 0 else x * self.feature_factors(*x.shape)

    def feature_factors(self, examples: int, channels: int) -> Array:
        """Return the factors of pooled features, (examples, channels)."""
        keep = 1 - self.settings.dropout
        keep_mask = jax.random.bernoulli(jax.random.fold_in(self._key, FEATURES_NUMBER), keep, (examples, channels))
        return jnp.where(keep_mask, 1 / keep, 0)

    @property
    def _key(self) -> Array:
        return jax.random.wrap_key_data(self.key, impl="threefry2x32")


def final_drop_rate(settings: DropSettings, depth: float) -> float:
    """Return the probability of dropping a path, in a cell of this depth, at the end of the training."""
    return 1 - keep_probability(settings.keep, depth=depth, progress=1.0, scale_by_depth=settings.by_depth)


def scale_examples(x: Array, factors: Array) -> Array:
    """Multiply each example of x (height, width, batch, channels) by its factor; factors are (batch,). The dtype of x is
    kept."""
    return (x * factors[None, None, :, None]).astype(x.dtype)

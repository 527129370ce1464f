"""What a training may drop at random: paths of cells, and features in front of the classifier."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from automl_cli.values.cell import keep_probability

FEATURES = 2**32 - 1
"""What the draws of dropped features are folded with; those of a path with the number of its block."""


class DropSettings(NamedTuple):
    """`keep` is the probability with which ScheduledDropPath keeps a path of the last cell at the end of the training
    (NASNet, arXiv 1707.07012, section 3), `dropout` that with which a feature is dropped. Without `by_depth` paths of all cells
    are kept like those of the last one."""

    keep: float
    dropout: float
    by_depth: bool = True


class DropMasks(NamedTuple):
    """The draws of one step, at a share `progress` of the training, as factors: 0 for what is dropped, 1 / (the probability of
    keeping it) for what is kept, so evaluation needs nothing.

    A draw depends on the key and on what it is for, not on who draws it or what is drawn beside it: the engines draw alike.
    """

    settings: DropSettings
    key: Array
    progress: Array

    def path(self, x: Array, number: int, depth: float) -> Array:
        """The output of block `number`, in a cell of this depth; dropped per example of (height, width, batch, channels)."""
        if self.settings.keep == 1:
            return x
        factors = self.path_factors(number, dropped_at_the_end(self.settings, depth), x.shape[2])
        return with_factors(x, factors)

    def path_factors(self, number: int | Array, dropped: float | Array, examples: int) -> Array:
        """Those of block `number`, (examples,); at the end of the training the share `dropped` is dropped."""
        keep = 1 - self.progress * dropped
        kept = jax.random.bernoulli(jax.random.fold_in(self._key, number), keep, (examples,))
        return jnp.where(kept, 1 / keep, 0)

    def features(self, x: Array) -> Array:
        """Pooled features (batch, channels), each dropped on its own."""
        return x if self.settings.dropout == 0 else x * self.feature_factors(*x.shape)

    def feature_factors(self, examples: int, channels: int) -> Array:
        """Those of pooled features, (examples, channels)."""
        keep = 1 - self.settings.dropout
        kept = jax.random.bernoulli(jax.random.fold_in(self._key, FEATURES), keep, (examples, channels))
        return jnp.where(kept, 1 / keep, 0)

    @property
    def _key(self) -> Array:
        return jax.random.wrap_key_data(self.key, impl="threefry2x32")


def dropped_at_the_end(settings: DropSettings, depth: float) -> float:
    """The share of the paths of a cell of this depth that are dropped at the end of the training."""
    return 1 - keep_probability(settings.keep, depth=depth, progress=1.0, scale_by_depth=settings.by_depth)


def with_factors(x: Array, factors: Array) -> Array:
    """Each example of (height, width, batch, channels) times its factor."""
    return (x * factors[None, None, :, None]).astype(x.dtype)

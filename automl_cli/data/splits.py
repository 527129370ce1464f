"""Sizes of the training, validation and test split, and the seeded draw of their examples.

1. The test part is the source's own; a source without one holds out a fifth of its examples for it, or the share
   `test_share`, before anything else.
2. `train_examples` takes a subset of the remaining examples.
3. The validation part is the source's own if it has one. Otherwise it is the share `validation_share` of all examples, or by
   the number n of those that train and validate: a tenth of them, or 700 if that is more, where that leaves 700 to train on; of
   fewer than 1,400 it is what they are more than 700, and at least a quarter. 240 pictures give 144 / 48 / 48, digits
   737 / 700 / 360, CIFAR-10 45,000 / 5,000 / 10,000.
4. With k `folds` the examples that train and validate are dealt out into k parts, each of which validates once.

Every draw is stratified: each class gives its share of the examples, rounded by largest remainders, at least one where it has
enough, and never so many that none is left to train on. Examples of one group stay together (`data.groups`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_cli.core.errors import DataError
from automl_cli.core.random_streams import stream_seed
from automl_cli.data.source import Part
from automl_cli.values.dataset import DatasetReference

if TYPE_CHECKING:
    import numpy as np

LEAST_VALIDATION = 700
"""Validation examples below which the noise of the score hides the differences between children."""

LEAST_TRAINING = 700
"""Training examples of which none is given up for the validation beyond a quarter."""

TEST_SHARE = 5
"""One of so many examples is held out for the test where a source has no test part."""


@dataclass(frozen=True)
class Sizes:
    """Examples in each part by the rules.

    The `held_out` fields say whether test and validation are drawn from the training part. `subset` is the number of examples
    for training and validation, of `available` ones.
    """

    train: int
    validation: int
    test: int
    test_held_out: bool
    validation_held_out: bool
    subset: int
    available: int

    @property
    def total(self) -> int:
        """All examples of the three parts."""
        return self.train + self.validation + self.test


@dataclass(frozen=True)
class Holding:
    """The wishes of a user for the parts that are held out: their shares of all examples, and the number of folds."""

    validation_share: float | None = None
    test_share: float | None = None
    folds: int = 1


def holding_of(reference: DatasetReference) -> Holding:
    """Return what a data set reference says of the parts that are held out."""
    return Holding(reference.validation_share, reference.test_share, reference.folds)


def sizes_of(name: str, parts: Mapping[Part, int], train_examples: int | None, holding: Holding = Holding()) -> Sizes:
    """Return the sizes that the rules give for a source with these parts. Raises DataError if there are too few examples.

    >>> sizes = sizes_of("cifar10", {"train": 50_000, "test": 10_000}, None)
    >>> sizes.train, sizes.validation, sizes.test
    (45000, 5000, 10000)
    """
    _check_own_parts(name, parts, holding)
    test = parts.get("test", _share_of(holding.test_share, parts["train"], parts["train"] // TEST_SHARE))
    available = parts["train"] if "test" in parts else parts["train"] - test
    if train_examples is not None and train_examples > available:
        raise DataError(f"--train-examples is {train_examples}, but {name} has {available} examples to train and validate with")
    subset = train_examples or available
    if holding.folds > 1:
        validation = -(-subset // holding.folds)
    else:
        by_share = _share_of(holding.validation_share, train_examples or parts["train"], validation_of(subset))
        validation = parts.get("validation", by_share)
    train = subset if "validation" in parts else subset - validation
    if holding.validation_share is not None and train < 1 <= subset:
        raise DataError(
            f"--validation-share {holding.validation_share:g} of {name} is {validation:,} examples, but {subset:,} are there "
            "to train and validate with; give less"
        )
    if min(train, validation, test) < 1 or holding.folds > subset:
        raise DataError(
            f"{name} has too few examples: {train} would train, {validation} validate and {test} test; each needs one"
        )
    return Sizes(train, validation, test, "test" not in parts, "validation" not in parts, subset, available)


def validation_of(examples: int) -> int:
    """Return how many of the examples that train and validate are held out to validate.

    >>> [validation_of(examples) for examples in (192, 800, 1_000, 1_437, 5_000, 50_000)]
    [48, 200, 300, 700, 700, 5000]
    """
    return max(examples // 10, min(LEAST_VALIDATION, max(examples // 4, examples - LEAST_TRAINING)), 1)


def _share_of(share: float | None, examples: int, otherwise: int) -> int:
    return otherwise if share is None else max(1, round(share * examples))


def _check_own_parts(name: str, parts: Mapping[Part, int], holding: Holding) -> None:
    """Raise DataError for a share of a part that the source has, and for shares that leave nothing to train on."""
    own = {"validation-share": ("validation", holding.validation_share), "test-share": ("test", holding.test_share)}
    for flag, (part, share) in own.items():
        if share is not None and part in parts:
            raise DataError(f"--{flag} is {share:g}, but {name} has a {part} part of its own; leave it out")
    if holding.folds > 1 and "validation" in parts:
        raise DataError(f"--folds is {holding.folds}, but {name} has a validation part of its own; leave it out")
    if holding.folds > 1 and holding.validation_share is not None:
        raise DataError("--folds and --validation-share both say which examples validate; give one of them")
    shares = (holding.validation_share or 0.0) + (holding.test_share or 0.0)
    if shares >= 1:
        raise DataError(f"--validation-share and --test-share take {shares:g} of all examples together; leave some to train on")


def draw(
    labels: np.ndarray, count: int, *, seed: int, purpose: str, leave: int | None = None, groups: np.ndarray | None = None
) -> np.ndarray:
    """Draw `count` examples in proportion to the classes; return their increasing indices.

    The draw of a class depends only on the seed, the purpose and the class, so a smaller draw of one class is contained in a
    larger one. `labels` are (examples,). With `leave` every class that has more gives one at least and keeps so many, as far
    as that goes. With `groups`, (examples,) integers, whole groups are drawn, and `count` is met as nearly as they allow.
    """
    import numpy as np

    counts = np.bincount(labels)
    wanted = quotas(counts, count)
    if leave is not None:
        wanted = _bounded(wanted, counts, leave)
    if groups is not None:
        from automl_cli.data.groups import whole_groups

        return whole_groups(labels, groups, wanted, seed=seed, purpose=purpose)
    chosen = [_shuffled(labels, label, seed, purpose)[:quota] for label, quota in enumerate(wanted)]
    return np.sort(np.concatenate(chosen))


HELD_OUT = 0.4
"""The share of the examples that a fold holds out (Fast AutoAugment, arXiv 1905.00397)."""


def fold(labels: np.ndarray, number: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the increasing indices of the examples of a fold that train, and of those that are held out.

    Folds are draws of their own: an example may be held out in several. `labels` are (examples,). Raises DataError where a
    class has no example to train on.
    """
    import numpy as np

    held_out = draw(labels, max(1, round(HELD_OUT * len(labels))), seed=seed, purpose=f"fold {number}")
    rest = np.setdiff1d(np.arange(len(labels)), held_out, assume_unique=True)
    if len(np.unique(labels[rest])) < len(np.unique(labels)):
        raise DataError(
            f"{len(labels)} training examples are too few for folds: holding out {HELD_OUT:.0%} leaves a class without any"
        )
    return rest, held_out


def deal(labels: np.ndarray, folds: int, *, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Deal the examples out into so many folds; return the fold of each, (examples,) integers from 0.

    Folds, and the shares of a class in them, differ by one example at most; with `groups`, which stay together, by as little as
    they allow. The first fold is among the largest.
    """
    import numpy as np

    if groups is not None:
        from automl_cli.data.groups import groups_dealt

        return groups_dealt(labels, groups, folds, seed=seed)
    order = np.concatenate([_shuffled(labels, label, seed, "folds") for label in range(len(np.bincount(labels)))])
    dealt = np.empty(len(labels), np.int64)
    dealt[order] = np.arange(len(labels)) % folds
    return dealt


def _shuffled(labels: np.ndarray, label: int, seed: int, purpose: str) -> np.ndarray:
    """Return the indices of the examples of a class in the order in which they are drawn."""
    import numpy as np

    generator = np.random.Generator(np.random.Philox(key=stream_seed(seed, purpose, label)))
    return generator.permutation(np.flatnonzero(labels == label))


def quotas(class_counts: Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    """Divide `count` in proportion to the class counts: rounded down, the rest to the largest remainders.

    Ties go to the first class.

    >>> quotas([50, 30, 20], 7).tolist()
    [4, 2, 1]
    """
    import numpy as np

    # Whole numbers throughout: a product below 2**63 is exact, a float quotient is not.
    scaled = np.asarray(class_counts, dtype=np.int64) * count
    total = int(np.sum(class_counts))
    share, remainder = scaled // total, scaled % total
    first = np.argsort(-remainder, kind="stable")[: count - int(share.sum())]
    share[first] += 1
    return share


def _bounded(quota: np.ndarray, counts: np.ndarray, leave: int) -> np.ndarray:
    """Return the quotas with the same sum, at least one of every class with more than `leave` examples, and so many kept.

    A bound that the sum does not allow is given up for all classes.
    """
    import numpy as np

    total = int(quota.sum())
    least = (counts > leave).astype(np.int64)
    most = np.maximum(counts - leave, np.minimum(counts // 2, 1))
    least = least if least.sum() <= total else np.zeros_like(least)
    most = most if most.sum() >= total else counts
    bounded: np.ndarray = np.clip(quota, least, most)
    while (excess := int(bounded.sum()) - total) != 0:
        room = bounded - least if excess > 0 else most - bounded
        bounded[room.argmax()] -= np.sign(excess)
    return bounded

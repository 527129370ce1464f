"""Sizes of the training, validation and test split, and the seeded draw of their examples.

1. The test part is the source's own; a source without one holds out a fifth of its examples for it, before anything else.
2. `train_examples` takes a subset of the remaining examples.
3. The validation part is the source's own if it has one besides the test part; otherwise a tenth of the training examples, or
   700 if that is more and leaves at least half for training. CIFAR-10 gives 45,000 / 5,000, digits 737 / 700.

Every draw is stratified: each class gives its share of the examples, rounded by largest remainders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_cli.core.errors import DataError
from automl_cli.core.random_streams import stream_seed
from automl_cli.data.source import Part

if TYPE_CHECKING:
    import numpy as np

LEAST_VALIDATION = 700
"""Validation examples below which the noise of the score hides the differences between children."""


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


def sizes_of(name: str, parts: Mapping[Part, int], train_examples: int | None) -> Sizes:
    """Return the sizes that the rules give for a source with these parts. Raises DataError if there are too few examples.

    >>> sizes = sizes_of("cifar10", {"train": 50_000, "test": 10_000}, None)
    >>> sizes.train, sizes.validation, sizes.test
    (45000, 5000, 10000)
    """
    test = parts.get("test", parts["train"] // 5)
    available = parts["train"] if "test" in parts else parts["train"] - test
    if train_examples is not None and train_examples > available:
        raise DataError(f"--train-examples is {train_examples}, but {name} has {available} examples to train and validate with")
    subset = train_examples or available
    validation = parts.get("validation", max(subset // 10, min(LEAST_VALIDATION, subset // 2)))
    train = subset if "validation" in parts else subset - validation
    if min(train, validation, test) < 1:
        raise DataError(
            f"{name} has too few examples: {train} would train, {validation} validate and {test} test; each needs one"
        )
    return Sizes(train, validation, test, "test" not in parts, "validation" not in parts, subset, available)


def draw(labels: np.ndarray, count: int, *, seed: int, purpose: str) -> np.ndarray:
    """Draw `count` examples in proportion to the classes; return their increasing indices.

    The draw of a class depends only on the seed, the purpose and the class, so a smaller draw of one class is contained in a
    larger one. `labels` are (examples,).
    """
    import numpy as np

    chosen = []
    for label, quota in enumerate(quotas(np.bincount(labels), count)):
        members = np.flatnonzero(labels == label)
        generator = np.random.Generator(np.random.Philox(key=stream_seed(seed, purpose, label)))
        chosen.append(generator.permutation(members)[:quota])
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

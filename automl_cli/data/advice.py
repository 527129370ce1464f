"""Advice that follows from the facts of a data set by rules."""

from __future__ import annotations

from collections.abc import Sequence

UNEVEN = 3.0
"""How many times as many examples the largest class has as the smallest before balanced accuracy is advised."""


def is_uneven(counts: Sequence[int]) -> bool:
    """Return whether the classes have such different numbers of training examples that accuracy misleads.

    >>> is_uneven([200, 12, 4]), is_uneven([20, 20, 41])
    (True, False)
    """
    return bool(counts) and max(counts) >= UNEVEN * max(1, min(counts))


def advice_on_metric(counts: Sequence[int], metric: str) -> str | None:
    """Return the advice to score the classes alike, None where they are even or are scored so already."""
    if metric == "balanced-accuracy" or not is_uneven(counts):
        return None
    return (
        f"--metric balanced-accuracy: the largest class has {max(counts) / max(1, min(counts)):.3g} times as many training "
        "examples as the smallest, so accuracy says little about the small ones; --class-weights balanced weighs the classes "
        "alike in the loss only"
    )

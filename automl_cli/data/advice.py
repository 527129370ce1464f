"""Advice that follows from the facts of a data set by rules."""

from __future__ import annotations

from collections.abc import Sequence

from automl_cli.values.dataset import are_uneven


def advice_on_metric(counts: Sequence[int], metric: str) -> str | None:
    """Return the advice to score the classes alike, None where they are even or are scored so already."""
    if metric == "balanced-accuracy" or not are_uneven(counts):
        return None
    return (
        f"--metric balanced-accuracy: the largest class has {max(counts) / max(1, min(counts)):.3g} times as many training "
        "examples as the smallest, so accuracy says little about the small ones"
    )

"""Says what was read of a data set: one line about its examples, and one for each thing that was done to them."""

from __future__ import annotations

import numpy as np

from automl_cli.core.errors import DataError
from automl_cli.core.numbers import by_times, counted
from automl_cli.data.advice import advice_on_metric
from automl_cli.data.opening import open_source
from automl_cli.data.source import Source
from automl_cli.data.split_indices import facts_of, learning_indices, sizes_for
from automl_cli.values.dataset import DatasetReference

CLASSES_NAMED = 8
"""Classes whose names and numbers of examples stand in the line; of more, only the largest and the smallest."""


def account_of(reference: DatasetReference) -> tuple[str, ...]:
    """Return a line about the examples, and one for each thing done to them. Raises DataError for a set that cannot be used."""
    source = open_source(reference)
    described, facts = source.description, facts_of(source, sizes_for(source, reference), reference)
    counts = source.class_counts()
    named = "" if counts is None else f" ({_counts_in_words(dict(zip(described.classes, counts, strict=True)))})"
    line = (
        f"{reference.source}: {counted(sum(described.parts.values()), 'image')} of {by_times(described.image_shape)}, "
        f"{counted(len(described.classes), 'class/classes')}{named}; {facts.train_examples:,} to train, "
        f"{facts.validation_examples:,} to validate, {facts.test_examples:,} to test"
        f"{' (held out)' if 'test' not in described.parts else ''}"
    )
    return (line, *source.notes(), *_advice(source, reference, counted_before=counts is not None))


def account_if_here(reference: DatasetReference) -> tuple[str, ...]:
    """Return the account of a set, or nothing where it is not here."""
    try:
        return account_of(reference)
    except DataError:
        return ()


def _advice(source: Source, reference: DatasetReference, *, counted_before: bool) -> tuple[str, ...]:
    """Return the advice to score the classes alike where they are uneven; nothing where counting takes long."""
    if not counted_before:
        return ()
    labels = learning_indices(source, reference)[0].labels
    advice = advice_on_metric(np.bincount(labels, minlength=len(source.description.classes)).tolist(), reference.metric)
    return () if advice is None else (advice,)


def _counts_in_words(counts: dict[str, int]) -> str:
    if len(counts) <= CLASSES_NAMED:
        return ", ".join(f"{name} {count:,}" for name, count in counts.items())
    least, most = (extreme(counts, key=lambda name: counts[name]) for extreme in (min, max))
    if counts[least] == counts[most]:
        return f"{counts[least]:,} each"
    return f"{least} {counts[least]:,} to {most} {counts[most]:,}"

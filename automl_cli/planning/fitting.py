"""Fit the epochs and the trials of a quick search to data other than those of its preset.

A preset counts epochs, trials and, where it is a quick one, the least steps of a child, for its own data. On other data

1. a child sees few examples more often, until it takes the preset's least number of steps: with fewer, children differ by
   chance;
2. where the search would take more than `LONGER` times as long as on the preset's data, it makes do with fewer epochs, but with
   the least steps all the same, and then with fewer trials, down to an eighth of the preset's.

Durations are those of the cost model for one nominal speed, so the numbers are the same on every machine. Epochs
that a user gives are taken as they are, and so are trials.
"""

from collections.abc import Mapping
from statistics import fmean
from typing import Any, NamedTuple

import msgspec

from automl_cli.children.cost import blocks_of, child_seconds
from automl_cli.core.errors import DataError
from automl_cli.core.spaces import SearchPreset, SearchSpace
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_named, problem_named, standing_kind
from automl_cli.plugins.roles import costs_of, filling_of, value_of
from automl_cli.store.encoding import plain
from automl_cli.values.child import Child

LONGER = 1.0
"""A quick search may take so many times as long as on its preset's data before it is cut."""

LEAST_TRIALS = 8
"""One of so many trials of the preset is kept at least."""

FEWEST = 6
"""So many trials are kept at least, if the preset has as many."""

NOMINAL_SPEED = 5e10
"""Multiply-adds and additions per second of the core for which times are compared."""

SAMPLES = 16
"""Random values of the space whose costs are averaged."""


class Extent(NamedTuple):
    """The trials of a search, and the epochs of each."""

    trials: int
    epochs: int


def fitted(preset: SearchPreset, space: SearchSpace, child: Child) -> Extent:
    """Return trials and epochs of a search by this preset on the data of this child; those of the preset where it counts no
    steps."""
    own = Extent(preset.trials, preset.epochs)
    if preset.least_steps == 0:
        return own
    examples = child.problem.facts["train_examples"]
    least = child.recipe.epochs(examples, epochs=1, least_steps=preset.least_steps)
    epochs = max(preset.epochs, least)
    seconds, on_preset = _epoch_seconds(space, child, child.problem.facts), _seconds_on_preset(preset, space, child)
    if seconds is None or on_preset is None:
        return Extent(preset.trials, epochs)
    rates = len(child.recipe.learning_rates)
    allowed = LONGER * on_preset * (preset.epochs + rates) / seconds  # epochs of each of the preset's trials
    epochs = min(epochs, max(least, int(allowed) - rates))
    trials = int(preset.trials * allowed / (epochs + rates))
    return Extent(min(preset.trials, max(-(-preset.trials // LEAST_TRIALS), FEWEST, trials)), epochs)


def reason(preset: SearchPreset, found: Extent) -> str | None:
    """Return in words why a search is longer or shorter than its preset says; None where it is not."""
    more = f"{found.epochs} epochs, so that a child takes at least {preset.least_steps} steps"
    cut = [f"{found.epochs} of {preset.epochs} epochs"] if found.epochs < preset.epochs else []
    cut += [f"{found.trials} of {preset.trials} trials"] if found.trials < preset.trials else []
    said = [
        *([more] if found.epochs > preset.epochs else []),
        *([f"{' and '.join(cut)}, so that the search stays short"] if cut else []),
    ]
    return "; ".join(said) or None


def _seconds_on_preset(preset: SearchPreset, space: SearchSpace, child: Child) -> float | None:
    """Return the seconds of an epoch on the data of the preset, or None where nothing is known of them."""
    if preset.sized_for:
        return _epoch_seconds(space, child, {**child.problem.facts, **plain(preset.sized_for)})
    problem = problem_named(child.problem.name)
    try:
        facts = plain(problem.facts(problem.dataset_type(source=preset.child.dataset), needed=False))
    except DataError:
        return None
    return _epoch_seconds(space, child, facts)


def _epoch_seconds(space: SearchSpace, child: Child, facts: Mapping[str, Any]) -> float | None:
    """Return the mean seconds of an epoch of random children on data with these facts; None where they cost nothing known."""
    kind, typed = standing_kind(kind_named(space.plugin.produces)), msgspec.convert(facts, _facts_type(child))
    found = []
    for trial in range(SAMPLES):
        roles = _roles(kind, child, space, trial, typed)
        if (costs := costs_of(roles, typed)) is None:
            return None
        network = value_of(roles["network"])
        seconds = child_seconds(
            facts,
            child.recipe,
            epochs=1,
            blocks=blocks_of(network),
            multiply_adds=costs.multiply_adds,
            speed=NOMINAL_SPEED,
        )
        found.append(seconds.passes + seconds.arithmetic)
    return fmean(found)


def _facts_type(child: Child) -> Any:
    return problem_named(child.problem.name).facts_type


def _roles(kind: Kind, child: Child, space: SearchSpace, trial: int, facts: Any) -> dict[str, Any]:
    """Return the roles of the child of a random value of the space."""
    assert kind.role is not None
    value = space.placed(space.sample(0, trial), facts)
    return {**child.roles, kind.role: filling_of(kind.name, value)}

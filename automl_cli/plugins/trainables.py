"""Says how `automl train` trains an artifact: by the row of its kind, or, for a found network, as it was searched."""

from collections.abc import Mapping
from typing import Any

from automl_cli.core.errors import ArtifactError, UserError, unknown_name
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.kind import Kind, Trainable, TrainedAs, TrainingChoices, named_roles, no_stack
from automl_cli.plugins.listing import kind_of
from automl_cli.plugins.roles import by_names, filling_of
from automl_cli.store.encoding import plain
from automl_cli.store.study import Found, FoundBody
from automl_cli.values.child import ChildPreset, Filling
from automl_cli.values.dataset import IMAGES, DatasetReference

DEFAULT_EPOCHS = 30


def is_trainable(kind: Kind) -> bool:
    """Return whether artifacts of this kind can be trained."""
    return kind.trainable is not None or (kind.is_found and kind.role == "network" and kind.build is not None)


def trainable_of(body: Any, place: str, choices: TrainingChoices) -> Trainable:
    """Return how the value in this artifact is trained. Raises ArtifactError where it cannot be, UserError where choices do not
    fit."""
    kind = kind_of(body)
    if kind.trainable is not None:
        made: Trainable = kind.trainable(body, place, choices)
        return made
    if not is_trainable(kind):
        raise ArtifactError(f"{place}: {body.SCHEMA.name} artifacts are looked at only; nothing of this one can be trained")
    no_stack(choices)
    return _as_searched(kind, body, choices)


def _as_searched(kind: Kind, body: FoundBody, choices: TrainingChoices) -> Trainable:
    """Return a training of the value on all data of its search, whatever subset or folds it had, by the search's recipe or by
    that of a preset of its space."""
    child = None if body.found is None else body.found.child
    dataset = plain(DatasetReference(source="digits")) if child is None else {**child.problem.dataset, "train_examples": None}
    filling = filling_of(kind.name, body.value)  # type: ignore[attr-defined]
    return Trainable(
        problem=IMAGES if child is None else child.problem.name,
        dataset={name: value for name, value in dataset.items() if value is not None and name != "folds"},
        training=lambda facts: _training(kind, body.found, choices.preset, facts),
        place=lambda facts: filling,
    )


def published_training(of: str, known: Mapping[str, Any], preset: str | None, roles: Mapping[str, Filling]) -> TrainedAs:
    """Return how a published value is trained by a preset, quick unless another is asked for.

    `roles` take the place of its own. Raises UserError, which says whose presets these are, for one that is not known.
    """
    name = preset or "quick"
    if name not in known:
        raise unknown_name(f"preset of {of}:", name, known)
    chosen = known[name]
    return TrainedAs(recipe=chosen.recipe, epochs=chosen.epochs, roles={**by_names(named_roles(chosen)), **roles})


def _training(kind: Kind, found: Found | None, preset: str | None, facts: Any) -> TrainedAs:
    if found is None and kind.trainings is not None:
        return published_training("a network made by experts", kind.trainings(facts), preset, {})
    if preset is None and found is not None and found.child is not None:
        return TrainedAs(recipe=found.child.recipe, epochs=DEFAULT_EPOCHS, roles=found.child.roles)
    presets = _presets(found)
    name = "" if found is None else found.space.name
    if not presets:
        raise UserError(
            f"the search that found this network in space {name!r} trained nothing and says of no recipe how it is to be "
            "trained; search with --evaluator trained, or give the space a preset with a recipe"
        )
    if (preset or "quick") not in presets:
        raise unknown_name(f"preset of space {name!r}:", preset or "quick", presets)
    chosen = presets[preset or "quick"]
    return TrainedAs(recipe=chosen.recipe, epochs=DEFAULT_EPOCHS, roles=by_names(named_roles(chosen)))


def _presets(found: Found | None) -> Mapping[str, ChildPreset]:
    space = None if found is None else plugins().get(found.space.name)
    return {} if space is None else {name: each.child for name, each in space.presets.items() if each.child is not None}

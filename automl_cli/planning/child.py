"""Plan the child of a study: problem, recipe and roles by the preset, changed by flags. The searched role stays open."""

from typing import Any, NamedTuple

from msgspec.structs import replace

from automl_cli.core.errors import UserError, unknown_name
from automl_cli.core.flags import Request
from automl_cli.core.spaces import Plugin, SearchPreset
from automl_cli.data.catalogue import canonical_name
from automl_cli.planning.network_flags import NETWORK_FLAGS
from automl_cli.plugins.kind import Kind, TrainingChoices, named_roles
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import by_names, check_recipe, filling_named, suited_recipe
from automl_cli.plugins.trainables import trainable_of
from automl_cli.references import WHAT_IS_TRAINED, filled_by_flags, open_any
from automl_cli.store.encoding import plain
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.child import ROLES, Child, ChildPreset, Filling, ProblemReference


class KnownData(NamedTuple):
    """A data set as its problem has it, and its facts."""

    dataset: Any
    facts: Any


def known_data(request: Request, preset: ChildPreset, *, data_needed: bool = True) -> KnownData:
    """Return the data that children are trained on. With `data_needed` false, well-known ones need not be here."""
    problem = problem_named(preset.problem)
    dataset = problem.dataset(request.given(), problem.dataset_type(source=preset.dataset, **preset.data))
    return KnownData(dataset, problem.facts(dataset, needed=data_needed))


def plan_child(
    request: Request, preset: ChildPreset | None, kind: Kind, *, data_needed: bool = True, data: KnownData | None = None
) -> Child:
    """Return the child that a search trains, with the role open that values of the searched kind fill.

    With `data_needed` false, well-known data need not be here: enough for a plan. `data` are known already, if given.

    Raises UserError for what cannot be trained, and for a flag that fills the open role.
    """
    if preset is None:
        raise UserError(
            f"no preset says how children of kind {kind.name!r} are trained; give --evaluator table --table FILE, or the space "
            "a preset with a child"
        )
    dataset, facts = data or known_data(request, preset, data_needed=data_needed)
    roles = {**by_names(named_roles(preset)), **filled_by_flags(request, open_role=kind.role)}
    if kind.role != WHAT_IS_TRAINED:
        roles[WHAT_IS_TRAINED] = network_given(request, facts) or _network(preset, facts)
    recipe = preset.recipe if request.preset == "paper" else preset.recipe.for_few(facts.train_examples)
    recipe = recipe if request.optimizer is None else suited_recipe(recipe, roles["optimizer"])
    child = Child(
        problem=ProblemReference(name=preset.problem, dataset=plain(dataset), facts=plain(facts)),
        recipe=recipe,
        roles={role: roles[role] for role in ROLES if role in roles and role != kind.role},
    )
    check_recipe(child)
    return child


def preset_of(plugin: Plugin, name: str, dataset: str | None) -> SearchPreset:
    """Return the preset of this name for a data set, whose name may be an alias. Raises UserError where there is none."""
    if name not in plugin.presets:
        raise unknown_name(f"preset of space {plugin.name!r}:", name, plugin.presets)
    preset = plugin.presets[name]
    if dataset is None or (own := preset.on(canonical_name(dataset))) is preset:
        return preset
    return replace(own, child=replace(own.child, dataset=dataset))


def network_given(request: Request, facts: Any) -> Filling | None:
    """Return the network that a flag puts into its role, for searches of another role; None where none does.

    Raises UserError for more than one such flag.
    """
    given = [(flag, value) for flag in NETWORK_FLAGS if (value := getattr(request, flag)) is not None]
    if len(given) > 1:
        raise UserError(f"--{given[0][0]} and --{given[1][0]} both say which network is trained; give one of them")
    for flag, value in given:
        opened = NamedTrainable(flag, value).open()
        filling = trainable_of(opened.artifact.body, opened.place, TrainingChoices()).place(facts)
        name = value if opened.published else None
        return Filling(kind=filling.kind, value=filling.value, name=name, digest=opened.digest)
    return None


def _network(preset: ChildPreset, facts: Any) -> Filling:
    """Return the network that the preset names, for searches of another role."""
    if (text := preset.network) is None:
        raise UserError("the preset of this space does not say which network is trained; give its preset a network")
    if (filling := filling_named(WHAT_IS_TRAINED, text)) is not None:
        return filling
    opened = open_any(text)
    filling = trainable_of(opened.artifact.body, opened.place, TrainingChoices()).place(facts)
    return Filling(kind=filling.kind, value=filling.value, name=text, digest=opened.digest)

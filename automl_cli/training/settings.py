"""Resolve a request of `automl train` into the settings of a training.

The artifact says what it was searched with; that is the default, but for the subset: a search may make do with a part of the
training examples, a training takes them all unless told otherwise. Flags override single fields. A resumed training keeps what
was recorded; a flag that says something else is refused.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from automl_cli.core.errors import DataError, UserError
from automl_cli.core.msgspec_errors import path_and_problem
from automl_cli.core.numbers import by_times
from automl_cli.kinds.network import NetworkBody
from automl_cli.kinds.training import TrainingSettings
from automl_cli.plugins.kind import TrainedAs, TrainingChoices
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.roles import (
    check_recipe,
    check_roles,
    costs_of,
    needs_whole,
    numpy_computes,
    replaced,
    suited_recipe,
    typed_dataset,
    typed_facts,
    value_of,
    words_of,
)
from automl_cli.plugins.same_data import changes_of_data, found_again, said_if_moved
from automl_cli.plugins.trainables import trainable_of
from automl_cli.references import filled_by_flags, open_filling, role_flags
from automl_cli.store.encoding import plain
from automl_cli.store.timing_tables import choose_table
from automl_cli.system.linear_algebra import has_one_thread
from automl_cli.system.machine import current_environment
from automl_cli.system.process import has_accelerator
from automl_cli.training.flags import RECIPE_FIELDS, training_rows
from automl_cli.training.request import TrainingRequest
from automl_cli.training.trainable import NamedTrainable
from automl_cli.values.child import ROLES, Child, Filling, ProblemReference
from automl_cli.values.engine import EngineChoice, engine_for_training
from automl_cli.values.network import Network

S = TypeVar("S", bound=Struct)


def with_name(training: TrainingSettings, name: str) -> TrainingSettings:
    """Return the settings with the published name of what is trained beside its value."""
    network = msgspec.structs.replace(training.child.roles["network"], name=name)
    return msgspec.structs.replace(training, child=training.child.filled(network=network))


def new_training(
    body: Any,
    place: str,
    request: TrainingRequest,
    *,
    roles: Mapping[str, Filling] = MappingProxyType({}),
    data_needed: bool = True,
) -> TrainingSettings:
    """Return settings for training what the artifact at this place holds. Raises UserError for whatever does not fit.

    `roles` take the place of those that the artifact means, as flags do. A plan does not need the data, if they are famous.
    """
    request.check()
    trainable = trainable_of(body, place, _choices(request))
    problem = problem_named(trainable.problem)
    dataset = problem.dataset(request.given(), msgspec.convert(trainable.dataset, problem.dataset_type))
    facts = problem.facts(dataset, needed=data_needed)
    if isinstance(body, NetworkBody):
        _check_images(body, facts, request)
    trained_as = trainable.training(facts)
    child = Child(
        problem=ProblemReference(name=problem.name, dataset=plain(dataset), facts=plain(facts)),
        recipe=_recipe(suited(_for_few(trained_as, facts, request), request, optimizer=roles.get("optimizer")), request),
        roles=_roles({**trained_as.roles, **roles}, trainable.place(facts), request),
    )
    check_roles(child, f"{place}: body.found.child", may_be_open=False)
    _check_paths(child, request)
    check_recipe(child)
    if data_needed:
        problem.check(child)
    if costs_of(child.roles, facts) is None:
        raise UserError(
            f"kind {child.roles['network'].kind!r} does not say what its values cost, so no model could be written of one"
        )
    settled = _settled(
        child,
        epochs=_epochs(trained_as, child, request) if request.epochs is None else request.epochs,
        seed=request.seed or 0,
        with_validation=bool(request.with_validation),
    )
    return msgspec.structs.replace(settled, engine=engine_of(settled).engine)


LEAST_STEPS = 600
"""Steps of a training by a quick recipe, at least: where the examples are few, they are seen more often. Thirty epochs of
digits are 690."""


def _for_few(trained_as: TrainedAs, facts: Any, request: TrainingRequest) -> TrainedAs:
    if request.preset not in (None, "quick"):
        return trained_as
    return msgspec.structs.replace(trained_as, recipe=trained_as.recipe.for_few(facts.train_examples))


def _epochs(trained_as: TrainedAs, child: Child, request: TrainingRequest) -> int:
    """Return the epochs where none are asked for: those of the recipe, or as many as take `LEAST_STEPS`, unless it is a
    paper's."""
    if request.preset not in (None, "quick"):
        return trained_as.epochs
    facts = child.problem.facts
    examples = facts["train_examples"] + (facts["validation_examples"] if request.with_validation else 0)
    return child.recipe.epochs(examples, epochs=trained_as.epochs, least_steps=LEAST_STEPS)


def _choices(request: TrainingRequest) -> TrainingChoices:
    return TrainingChoices(preset=request.preset, stack=request.stack, filters=request.filters)


def _roles(others: Mapping[str, Filling], network: Filling, request: TrainingRequest) -> dict[str, Filling]:
    """Return all roles: the network, the given others, and over them those that flags fill."""
    filled = {**others, "network": network, **filled_by_flags(request, open_role=None)}
    if request.momentum is not None and "optimizer" in filled:
        if getattr(value_of(filled["optimizer"]), "momentum", None) is None:
            named = filled["optimizer"].name or "that a search found"
            raise UserError(f"--momentum means nothing to the optimizer {named}; leave it out")
        filled["optimizer"] = replaced(filled["optimizer"], momentum=request.momentum)
    return {role: filled[role] for role in ROLES if role in filled}


def _check_images(body: NetworkBody, facts: Any, request: TrainingRequest) -> None:
    """Raise DataError where a network's own data no longer have the images that it was scaled for."""
    asked = request.image_size is not None or request.dataset not in (None, body.target)
    if not asked and facts.image_shape != body.image_shape:
        found, expected = by_times(facts.image_shape), by_times(body.image_shape)
        raise DataError(
            f"the images of {body.target} are {found}, the network was scaled for {expected}; give --image-size to train it on "
            "others, or scale the cell again"
        )


def has_paths(network: Any) -> bool:
    """Whether ScheduledDropPath finds anything to drop in this network."""
    return isinstance(network, Network) and any(block.drop_path is not None for block in network.blocks)


def _check_paths(child: Child, request: TrainingRequest) -> None:
    """Raise UserError where dropped paths were asked of a network that has none."""
    asked = {"drop-path-keep": request.drop_path_keep not in (None, 1), "drop-path-schedule": request.drop_path_schedule}
    if (said := [flag for flag, given in asked.items() if given]) and not has_paths(value_of(child.roles["network"])):
        raise UserError(f"--{said[0]} is about the paths of stacked cells, and this network has none; leave it out")


def engine_of(training: TrainingSettings) -> EngineChoice:
    """Choose the engine of a new training on this machine. A resumed training keeps the recorded one."""
    child, steps = training.child, training.epochs * training.steps_per_epoch
    by_numpy = has_one_thread() and numpy_computes(child.roles, child.recipe, [value_of(child.roles["network"])])
    needed = needs_whole(child.roles)
    return engine_for_training(steps, accelerated=has_accelerator(), needs_whole=needed, by_numpy=by_numpy)


OTHERWISE = "resume it without that flag, or choose another --out"


def resumed(
    recorded: TrainingSettings, request: TrainingRequest, named: NamedTrainable | None, *, otherwise: str = OTHERWISE
) -> TrainingSettings:
    """Return the settings of a training that is resumed, whose data may lie elsewhere than they did.

    Raises UserError naming the first flag that differs from what it was started with, where `otherwise` is what to do, and for
    other data.
    """
    request.check()
    recorded = msgspec.structs.replace(recorded, child=found_again(recorded.child, request.given()))
    before, trained_as, problem = recorded.child, None, problem_named(recorded.child.problem.name)
    if named is not None:
        opened, facts = named.open(), typed_facts(before.problem)
        trainable = trainable_of(opened.artifact.body, opened.place, _choices(request))
        if trainable.place(facts).value != before.roles["network"].value:
            raise UserError(f"--{named.flag} holds another network than the one trained here; {otherwise}")
        trained_as = trainable.training(facts) if request.preset is not None else None
    elif said := [flag for flag in ("preset", "stack", "filters") if getattr(request, flag) is not None]:
        raise UserError(f"--{said[0]} was settled when this training was started; {otherwise}")
    if request.preset is None and request.momentum is None and request.optimizer == before.roles["optimizer"].name:
        request = request.replaced(optimizer=None)  # the rule on record, with its momentum
    start = trained_as or TrainedAs(recipe=before.recipe, epochs=recorded.epochs, roles=before.roles)
    dataset = problem.dataset(request.given(), typed_dataset(before.problem))
    with said_if_moved(before):
        now = problem.facts(dataset)
    asked = _settled(
        Child(
            problem=ProblemReference(name=problem.name, dataset=plain(dataset), facts=plain(now)),
            recipe=_recipe(suited(start, request), request),
            roles=_roles(start.roles, before.roles["network"], request),
        ),
        epochs=start.epochs if request.epochs is None else request.epochs,
        seed=recorded.seed if request.seed is None else request.seed,
        with_validation=recorded.with_validation if request.with_validation is None else request.with_validation,
    )
    for name, was, wanted in _differences(recorded, asked):
        raise UserError(f"this training was started with {name} {was}, not {wanted}; {otherwise}")
    if (changed := changes_of_data(before.problem.facts, asked.child.problem.facts)) is not None:
        raise UserError(
            f"the data are not those that this training was started with: {changed}. Give the data back (--dataset says where "
            "they lie now), or choose another --out"
        )
    return recorded


def _settled(child: Child, *, epochs: int, seed: int, with_validation: bool) -> TrainingSettings:
    network = value_of(child.roles["network"])
    if isinstance(network, Network):
        network.shapes(typed_facts(child.problem).image_shape)
    return TrainingSettings(
        child=child,
        epochs=epochs,
        seed=seed,
        with_validation=with_validation,
        environment=current_environment(),
        engine="whole",
        timings=choose_table().table,
    )


def suited(trained_as: TrainedAs, request: TrainingRequest, *, optimizer: Filling | None = None) -> TrainedAs:
    """Return how it is trained with one learning rate and the recipe that suits the rule of a flag, else `optimizer`.

    Where several rates were tried in a search and no rule says which was the best, its own is taken.
    """
    recipe = msgspec.structs.replace(trained_as.recipe, learning_rates=())
    if request.optimizer is not None:
        optimizer = open_filling("optimizer", request.optimizer)
    if optimizer is not None:
        recipe = suited_recipe(recipe, optimizer)
    return msgspec.structs.replace(trained_as, recipe=recipe)


def _recipe(trained_as: TrainedAs, request: TrainingRequest) -> Any:
    """Return the recipe with the fields that were asked for, checked by its type."""
    before = trained_as.recipe
    given = {name: value for name in RECIPE_FIELDS if (value := getattr(request, name)) is not None}
    try:
        return msgspec.convert({**msgspec.to_builtins(before), **given}, type(before))
    except msgspec.ValidationError as error:
        path, problem = path_and_problem(str(error))
        raise UserError(f"--{path.replace('_', '-')}: {problem}" if path else problem) from error


def _differences(before: TrainingSettings, now: TrainingSettings) -> Iterator[tuple[str, object, object]]:
    """Yield flags that differ, as they are typed, with both values."""
    for flag, role in role_flags().items():  # first, since a rule may bring a learning rate
        stood, stands = (_shown(one.child.roles[role]) for one in (before, now))
        if stood != stands:
            yield f"--{flag}", stood, stands
    for row in training_rows():
        recorded, asked = row.recorded_in(before), row.recorded_in(now)
        if recorded != asked and row.name not in role_flags():
            yield f"--{row.name}", recorded, asked


def _shown(filling: Filling) -> str:
    """Return the name of what stands in a role, or else the value in words. Momentum has a flag of its own."""
    return filling.name or words_of(filling)

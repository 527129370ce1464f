"""Resolve a request of `automl compare` into the settings of a comparison.

The child is that of the search for such values, by the preset of its space; the compared role stays open.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from automl_cli.children.cost import START_SECONDS, blocks_of, child_seconds, compile_seconds, programs_of
from automl_cli.core.errors import UserError
from automl_cli.core.spaces import Plugin, SearchSpace
from automl_cli.kinds.comparison import ComparisonSettings, Contestant
from automl_cli.planning.child import plan_child, preset_of
from automl_cli.planning.compare_flags import ComparisonRequest, compared_flags
from automl_cli.planning.place import place_of
from automl_cli.plugins.discovery import plugins
from automl_cli.plugins.kind import Kind
from automl_cli.plugins.listing import kind_named, problem_named
from automl_cli.plugins.roles import (
    check_recipe,
    costs_of,
    needs_whole,
    numpy_batch,
    numpy_computes,
    suited_recipe,
    typed_facts,
    value_of,
)
from automl_cli.references import open_filling, role_flags
from automl_cli.store.timing_tables import choose_table
from automl_cli.store.timings_in_force import settled
from automl_cli.system.linear_algebra import workers_have_one_thread
from automl_cli.system.machine import current_environment
from automl_cli.system.process import default_workers
from automl_cli.system.speed import matrix_speed
from automl_cli.values.child import Child, Filling
from automl_cli.values.engine import engine_for_training

SEEDS = 5
"""Trainings of each value, as in the papers on activations."""


class ComparisonPlan(Struct, frozen=True, kw_only=True):
    """The plan of a comparison: what `--dry-run` says. `compute_seconds` is one core's; None where no costs are known."""

    settings: ComparisonSettings
    sweep_trainings: int
    trainings: int
    compute_seconds: float | None
    wall_seconds: float | None


RATE_FACTORS = (0.1, 0.3, 1.0, 3.0)
"""Learning rates that are tried where the search of a role tries none, in units of that of the recipe."""


def plan_comparison(request: ComparisonRequest, *, data_needed: bool = True) -> ComparisonSettings:
    """Return the settings of a new comparison. Raises UserError for what does not fit, DataError for data that are missing."""
    request.check()
    flag, role, texts = compared_of(request)
    fillings = [open_filling(role, text) for text in texts]
    kind = kind_named(fillings[0].kind)
    space, preset_name = _space_of(role), request.preset or "quick"
    preset = preset_of(space, preset_name, request.dataset)
    child = plan_child(request.replaced(**{flag: None}), preset.child, kind, data_needed=data_needed)
    around = tuple(float(f"{factor * child.recipe.learning_rate:.6g}") for factor in RATE_FACTORS)
    rates = rates_of(request, child.recipe.learning_rates or around)
    epochs = preset.epochs if request.epochs is None else request.epochs
    place = place_of(request.executor or "local", request.workers, None)
    values = tuple(_contestants(texts, fillings, child, role))
    if data_needed:
        for value in values:
            problem_named(child.problem.name).check(child.filled(**{role: value.filling}))
    return ComparisonSettings(
        role=role,
        values=values,
        child=msgspec.structs.replace(child, recipe=msgspec.structs.replace(child.recipe, learning_rates=())),
        space=SearchSpace(space, preset.space_options).reference(None),
        preset=preset_name,
        learning_rates=rates,
        epochs=epochs,
        seeds=request.seeds or SEEDS,
        seed=request.seed or 0,
        engine=_engine(child, epochs, fillings, accelerated=place.accelerated),
        executor=place.executor,
        workers=place.workers,
        environment=current_environment(),
        timings=choose_table().table,
    )


def compared_of(request: ComparisonRequest) -> tuple[str, str, tuple[str, ...]]:
    """Return the flag with several values, the role that they fill, and the values as texts. Raises UserError unless there is
    exactly one such flag."""
    given = {flag: parts_of(text, flag) for flag in role_flags() if (text := getattr(request, flag)) is not None}
    several = [flag for flag, parts in given.items() if len(parts) > 1]
    if len(several) != 1:
        flags = " or ".join(f"--{flag}" for flag in several or compared_flags())
        problem = "only one role can have several values" if several else "nothing is compared"
        raise UserError(f"{problem}: give {flags} several values with commas between them, such as --optimizer sgd,adam")
    (flag,) = several
    parts = given[flag]
    if twice := [part for part in parts if parts.count(part) > 1]:
        raise UserError(f"--{flag} names {twice[0]!r} twice; each value is compared once")
    return flag, role_flags()[flag], parts


def parts_of(text: str, flag: str) -> tuple[str, ...]:
    """Return the values in a text with commas between them; commas inside parentheses belong to a formula.

    >>> parts_of("sgd, clip(g, 1e-3) * 2,runs/opt", "optimizer")
    ('sgd', 'clip(g, 1e-3) * 2', 'runs/opt')
    """
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    found = tuple(part.strip() for part in parts)
    if "" in found:
        raise UserError(f"--{flag} {text!r} has nothing between two commas or at an end; write it as in sgd,adam")
    return found


def rates_of(request: ComparisonRequest, otherwise: tuple[float, ...]) -> tuple[float, ...]:
    """Return the learning rates that were asked for, or the others where none were."""
    if (text := request.learning_rates) is None:
        return otherwise
    try:
        rates = tuple(sorted(float(part) for part in text.split(",")))
    except ValueError:
        raise UserError(f"--learning-rates {text!r} is no list of numbers; give such as 0.01,0.1") from None
    if not all(0 < rate < float("inf") for rate in rates) or len(set(rates)) < len(rates):
        raise UserError(f"--learning-rates {text!r}: each must be a finite number above 0, and given once")
    return rates


def plan_resumed(recorded: ComparisonSettings, request: ComparisonRequest) -> ComparisonSettings:
    """Return the recorded settings with other workers or executor. Raises UserError for a flag that says anything else."""
    request.check()
    for flag in request.given():
        if flag not in ("workers", "executor"):
            raise UserError(f"--{flag} was settled when this comparison was started; resume it without that flag")
    place = place_of(request.executor or recorded.executor, request.workers or recorded.workers, None)
    return msgspec.structs.replace(recorded, executor=place.executor, workers=place.workers, timings=settled(recorded.timings))


def comparison_plan(settings: ComparisonSettings) -> ComparisonPlan:
    """Return the plan of a comparison, with an estimate for this machine."""
    each = [len(settings.rates_of(number)) for number in range(len(settings.values))]
    sweep, trainings = sum(count for count in each if count > 1), settings.seeds * len(settings.values)
    seconds = _seconds(settings, epochs=1, trainings=sweep), _seconds(settings, epochs=settings.epochs, trainings=trainings)
    compute = None if None in seconds else sum(one for one in seconds if one is not None) + _compiling(settings)
    busy = min(settings.workers, default_workers(), trainings)
    return ComparisonPlan(
        settings=settings,
        sweep_trainings=sweep,
        trainings=trainings,
        compute_seconds=compute,
        wall_seconds=None if compute is None else START_SECONDS + compute / busy,
    )


def children_of(settings: ComparisonSettings) -> Iterator[Child]:
    """Yield the child with each of the values in its role."""
    for value in settings.values:
        yield msgspec.structs.replace(settings.child.filled(**{settings.role: value.filling}), recipe=value.recipe)


def _contestants(texts: tuple[str, ...], fillings: list[Filling], child: Child, role: str) -> Iterator[Contestant]:
    """Yield the values with the recipe that suits each. Raises UserError for one that cannot be trained by its recipe."""
    for text, filling in zip(texts, fillings, strict=True):
        recipe = msgspec.structs.replace(child.recipe, learning_rates=())
        if role == "optimizer":
            recipe = suited_recipe(recipe, filling)
        check_recipe(msgspec.structs.replace(child.filled(**{role: filling}), recipe=recipe))
        yield Contestant(label=str(Path(text)) if Path(text).exists() else text, filling=filling, recipe=recipe)


def _space_of(role: str) -> Plugin:
    """Return the first space whose values fill this role. Raises UserError for a role that no search fills."""
    for plugin in plugins().values():
        kind: Kind = kind_named(plugin.produces)
        if kind.role == role and "quick" in plugin.presets:
            return plugin
    roles = {kind_named(plugin.produces).role for plugin in plugins().values()} - {"network"}
    known = sorted(filter(None, roles))
    raise UserError(
        f"values of the role {role} are not compared, since no search says by what; those of {', '.join(known)} are"
    )


def _engine(child: Child, epochs: int, fillings: list[Filling], *, accelerated: bool) -> Any:
    """Return the engine of all trainings. Optimizers that work on whole arrays are trained whole in any case."""
    steps = epochs * child.recipe.steps(child.problem.facts["train_examples"])
    each = [{**child.roles, str(kind_named(filling.kind).role): filling} for filling in fillings]
    by_numpy = workers_have_one_thread() and all(
        numpy_computes(roles, child.recipe, [value_of(roles["network"])]) for roles in each
    )
    needed = needs_whole(child.roles)
    return engine_for_training(steps, accelerated=accelerated, needs_whole=needed, by_numpy=by_numpy).engine


def _seconds(settings: ComparisonSettings, *, epochs: int, trainings: int) -> float | None:
    """Return the seconds of one core for so many trainings with compiled programs."""
    child = next(children_of(settings))
    costs = costs_of(child.roles, typed_facts(child.problem))
    if costs is None:
        return None
    network = value_of(child.roles["network"])
    each = child_seconds(
        child.problem.facts,
        child.recipe,
        epochs=epochs,
        blocks=blocks_of(network),
        multiply_adds=costs.multiply_adds,
        speed=matrix_speed(),
    )
    return trainings * each.total


def _compiling(settings: ComparisonSettings) -> float:
    """Return the seconds that compiling takes with an empty cache, at most: values may share programs."""
    total = 0.0
    for child in children_of(settings):
        network = value_of(child.roles["network"])
        batch = numpy_batch(child.roles, child.recipe, network, settings.engine)
        programs = programs_of(network, child.problem.facts.get("image_shape"), batch=batch)
        total += compile_seconds(settings.engine, [programs], blocks=blocks_of(network))
    return total

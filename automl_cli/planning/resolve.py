"""From what was asked for to the resolved settings of a study: preset, then flags, then what space, strategy and data imply.

Everything that can be wrong is found here, before the first trial and, as far as possible, before anything slow is imported.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from automl_cli.core.decisions import Choice
from automl_cli.core.errors import DataError, UserError, unknown_name
from automl_cli.core.numbers import LARGEST, counted
from automl_cli.core.plugins import Plugin, SearchPreset, SearchSpace, SpaceReference
from automl_cli.core.trials import EvaluatorSpec, Limits
from automl_cli.executors.serial import check_serial
from automl_cli.jobs.transfer import plan_transfer
from automl_cli.planning.estimate import published_facts
from automl_cli.planning.request import SearchRequest, check_values, typed
from automl_cli.planning.table_flags import table_settings
from automl_cli.planning.warm_start import start_from
from automl_cli.plugins.discovery import plugin_named, spaces_of
from automl_cli.plugins.registry import EVALUATORS, EXECUTORS, STRATEGIES, load
from automl_cli.store.bodies import StudySettings
from automl_cli.store.encoding import plain
from automl_cli.study.proposals import window
from automl_cli.system.machine import current_environment
from automl_cli.system.process import default_workers, workers_have_accelerator
from automl_cli.values.dataset import DatasetReference, ImageFacts
from automl_cli.values.engine import EngineName, engine_for_training
from automl_cli.values.recipe import Recipe

RETRAIN_FACTOR = 4
"""`--retrain-top` trains this many times as long as the search did, unless told otherwise."""

MAX_FAILURES = 5
"""Children that may fail in a row before a study stops."""

METRICS = ("accuracy", "balanced-accuracy")


def plan_search(
    command: str, request: SearchRequest, *, default_space: str, data_needed: bool = True
) -> tuple[StudySettings, SearchSpace]:
    """The settings of a new study, and its space.

    Raises UserError for a name, a value or a combination that does not fit, DataError for data that is missing or broken
    (unless it is not needed, and known). A strategy's own constants are resolved last: that may import JAX.
    """
    check_values(request)
    plugin, file = _plugin(command, request.space or default_space)
    preset = _preset(plugin, request.preset or "quick")
    space = SearchSpace(plugin, {**preset.space_options, **_space_options(plugin, request.space_option or {})})
    strategy = _known("strategy", STRATEGIES, request.strategy or preset.strategy)
    evaluator = _evaluator_name(plugin, request)
    options = {**table_settings(request.given(), evaluator), **typed(request.evaluator_option or {})}
    executor, workers = _where(request, evaluator)
    children = _children(request, preset, data_needed=data_needed) if evaluator == "image" else _NO_CHILDREN
    chosen = {name: _first(getattr(request, name), getattr(preset, name)) for name in _PRESET_FIELDS}
    constants = {**preset.strategy_settings.get(strategy, {}), **typed(request.strategy_option or {})}
    constants |= start_from(request.start_from, space, strategy) if request.start_from else {}
    settings = StudySettings(
        command=command,
        preset=request.preset or "quick",
        space=space.reference(file),
        **children,
        **chosen,
        evaluator=_evaluator(evaluator, options, space.reference(file), children, epochs=chosen["epochs"], executor=executor),
        strategy=strategy,
        strategy_settings=load("strategy", STRATEGIES, strategy).resolve(chosen["trials"], constants),
        seed=request.seed or 0,
        limits=Limits(request.max_parameters, request.max_multiply_adds),
        retrain_epochs=request.retrain_epochs or RETRAIN_FACTOR * chosen["epochs"],
        max_failures=request.max_failures or MAX_FAILURES,
        trial_timeout_seconds=request.trial_timeout,
        time_budget_seconds=request.time_budget,
        executor=executor,
        workers=workers,
        published_cost=preset.published_cost,
        transfer=plan_transfer(request, space, request.preset or "quick"),
        environment=current_environment(),
    )
    _check_together(settings, request, space)
    return settings, space


def doubts(settings: StudySettings, request: SearchRequest) -> Iterator[str]:
    """What was asked for, is allowed and hardly meant, in words."""
    in_flight = window(settings.in_flight, settings.strategy_settings.get("minibatch", 1))
    if request.workers is not None and request.workers > in_flight:
        yield (
            f"--workers {request.workers}, but at most {in_flight} children are in flight at a time, so the other workers have "
            "nothing to do; --in-flight raises that, and is part of the search"
        )


def _check_together(settings: StudySettings, request: SearchRequest, space: SearchSpace) -> None:
    """Raises UserError where what was asked for can only be a mistake."""
    if settings.retrain_top > settings.trials:
        raise UserError(
            f"--retrain-top {settings.retrain_top} is more than there are trials; give at most --retrain-top {settings.trials}"
        )
    if request.retrain_epochs is not None and not settings.retrain_top:
        raise UserError("--retrain-epochs says how long the best are trained again; say how many with --retrain-top")
    if settings.strategy == "exhaustive" and settings.reuse and settings.trials > space.size:
        raise UserError(
            f"space {space.plugin.name!r} has {counted(space.size, 'genotype')}, and a later trial of one only takes its score "
            f"again; give --trials {space.size}, or --no-reuse to measure each anew"
        )


def repeated(settings: StudySettings, count: int) -> list[StudySettings]:
    """The same study with seeds s, s + 1, …"""
    if settings.seed + count - 1 > LARGEST:
        raise UserError(f"--repeat {count} from --seed {settings.seed} goes beyond the largest seed, {LARGEST}")
    return [msgspec.structs.replace(settings, seed=seed) for seed in range(settings.seed, settings.seed + count)]


_PRESET_FIELDS = ("trials", "epochs", "in_flight", "reward_exponent", "reuse", "retrain_top")
"""What a preset fixes and a flag of the same name changes."""

_NO_CHILDREN: dict[str, Any] = {"dataset": None, "facts": None, "recipe": None}


def _plugin(command: str, name: str) -> tuple[Plugin, str | None]:
    plugin, file = plugin_named(name)
    if plugin.command != command:
        raise UserError(
            f"space {plugin.name!r} is searched with `automl {plugin.command}`, not {command}; here: "
            f"{', '.join(spaces_of(command))}"
        )
    return plugin, file


def _preset(plugin: Plugin, name: str) -> SearchPreset:
    if name not in plugin.presets:
        raise unknown_name(f"preset of space {plugin.name!r}:", name, plugin.presets)
    return plugin.presets[name]


def _space_options(plugin: Plugin, given: Mapping[str, Any]) -> dict[str, Choice]:
    """Options as texts (from flags) or as values (from a file), checked."""
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    settled = plugin.settle({name: value for name, value in given.items() if name not in texts})
    return {name: settled[name] for name in given if name not in texts} | plugin.parse_options(texts)


def _known(what: str, table: Mapping[str, str], name: str) -> str:
    if name not in table:
        raise unknown_name(what, name, table)
    return name


OF_TRAINED_CHILDREN = ("dataset", "train-examples", "image-size", "metric", "max-parameters", "max-multiply-adds")
"""Flags that say something of networks that are trained, and nothing of rows that are looked up or of a formula."""

OF_REPLICATES = ("epochs", "retrain-top", "retrain-epochs")
"""Flags by which a child is measured more or less thoroughly. The row of a table stays the same."""


def _evaluator_name(plugin: Plugin, request: SearchRequest) -> str:
    """The evaluator, checked against the space and against the flags that mean nothing to it."""
    name = _known("evaluator", EVALUATORS, request.evaluator or "image")
    if name == "image":
        if plugin.build is None:
            raise UserError(
                f"nothing is built from space {plugin.name!r} that could be trained; give --evaluator table --table FILE"
            )
        return name
    given = request.given()
    for flag in (*OF_TRAINED_CHILDREN, *(OF_REPLICATES if name == "table" else ())):
        if flag in given:
            raise UserError(f"--{flag} is about networks that are trained, and --evaluator {name} trains none; leave it out")
    return name


def executor_and_workers(name: str, workers: int | None, timeout_seconds: float | None) -> tuple[str, int]:
    """The executor by name, checked, with as many workers as it has by default where no number is given."""
    _known("executor", EXECUTORS, name)
    if name == "serial":
        check_serial(workers or 1, timeout_seconds)
        return name, 1
    return name, workers or default_workers()


def _where(request: SearchRequest, evaluator: str) -> tuple[str, int]:
    """Children that are trained go to worker processes; formulas and tables answer faster than a process could be asked."""
    instant = evaluator != "image" and request.workers in (None, 1) and request.trial_timeout is None
    return executor_and_workers(request.executor or ("serial" if instant else "local"), request.workers, request.trial_timeout)


def _children(request: SearchRequest, preset: SearchPreset, *, data_needed: bool) -> dict[str, Any]:
    """What children are trained on and how."""
    if request.metric not in (None, *METRICS):
        raise unknown_name("metric", str(request.metric), METRICS)
    dataset = DatasetReference(
        source=request.dataset or preset.dataset,
        data_dir=request.data_dir,
        train_examples=request.train_examples,
        image_size=request.image_size,
        metric=request.metric or "accuracy",  # type: ignore[arg-type]
    )
    return {"dataset": dataset, "facts": _facts(dataset, data_needed=data_needed), "recipe": preset.recipe}


def _facts(dataset: DatasetReference, *, data_needed: bool) -> ImageFacts:
    from automl_cli.data import image_facts

    try:
        return image_facts(dataset)
    except DataError:
        if data_needed or (published := published_facts(dataset)) is None:
            raise
        return published


def _evaluator(
    name: str, options: Mapping[str, Any], space: SpaceReference, children: Mapping[str, Any], *, epochs: int, executor: str
) -> EvaluatorSpec:
    """Everything a worker needs to know, as plain data. A table is read here already, so that a bad one costs no trial."""
    trained_on = {what: children[what] for what in ("dataset", "recipe") if children[what] is not None}
    engine = {"engine": _engine(children["recipe"], children["facts"], epochs, executor)} if name == "image" else {}
    settings = {**plain({"space": space, **trained_on}), **engine, **options}
    if name == "table":
        from automl_cli.data.tables import table_digest

        settings["digest"] = table_digest(settings["file"])
        load("evaluator", EVALUATORS, name)(settings)
    return EvaluatorSpec(name, settings)


def _engine(recipe: Recipe, facts: ImageFacts, epochs: int, executor: str) -> EngineName:
    """How children are compiled, which fixes the low bits of their results and so is part of the settings."""
    steps = epochs * recipe.steps(facts.train_examples)
    accelerated = executor != "serial" and workers_have_accelerator()  # the serial executor computes on the CPU
    return engine_for_training(steps, accelerated=accelerated).engine


def _first(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given

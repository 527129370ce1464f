"""Resolve a request into the settings of a study: the preset, then flags, then what space, strategy and data imply.

Everything that can be wrong is found here, before the first trial and, as far as possible, before anything slow is imported.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from automl_cli.core.decisions import Choice
from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.numbers import LARGEST, counted
from automl_cli.core.protocols import EvaluationRequest, EvaluatorFactory, StrategyFactory
from automl_cli.core.rewards import Power, Reward
from automl_cli.core.settings import CONSTANTS, check_options
from automl_cli.core.spaces import Plugin, SearchPreset, SearchSpace
from automl_cli.core.trials import EvaluatorSpec, Limits
from automl_cli.evaluators import own
from automl_cli.evaluators.own_function import HERE
from automl_cli.planning.after_search import after_search
from automl_cli.planning.augment_flags import options_by_flag
from automl_cli.planning.child import KnownData, plan_child, preset_of
from automl_cli.planning.early_stop import early_stop_of
from automl_cli.planning.fitting import Extent, fitted
from automl_cli.planning.flags import flag_named
from automl_cli.planning.image_preset import DEFAULT_EVALUATOR, affordable, data_at_first, evaluator_named, is_as_designed
from automl_cli.planning.memory import doubts_of_room, limit_asked_for
from automl_cli.planning.place import Workplace, cluster_of, place_of
from automl_cli.planning.population import with_warm_start
from automl_cli.planning.request import SearchRequest, typed
from automl_cli.planning.strategy_rule import AUTO, is_noisy, settled_strategy
from automl_cli.planning.transfer import plan_transfer
from automl_cli.planning.warm_start import Start, starting, why_not_told
from automl_cli.plugins.discovery import plugin_named, spaces_of
from automl_cli.plugins.listing import kind_named, problem_named
from automl_cli.plugins.registry import EVALUATORS, EXECUTORS, STRATEGIES
from automl_cli.plugins.roles import typed_dataset, typed_facts
from automl_cli.plugins.space_checks import check_placed, check_space
from automl_cli.store.study import Replication, StudySettings
from automl_cli.store.timing_tables import choose_table
from automl_cli.study.proposals import window
from automl_cli.system.machine import current_environment

REPLICATE_SHARE = 1 / 3
"""At most this share of the trials of `--replicates` measures again what looks best."""

MAX_FAILURES = 5
"""Children that may fail in a row before a study stops."""


def plan_search(
    command: str, request: SearchRequest, *, default_space: str, data_needed: bool = True
) -> tuple[StudySettings, SearchSpace]:
    """Return the settings of a new study, and its space.

    Raises UserError for a name, a value or a combination that does not fit, DataError for data that is missing or broken
    (unless it is not needed, and known). A strategy's own constants are resolved last: that may import JAX.
    """
    request.check()
    plugin, file = _plugin(command, request.space or default_space)
    preset = preset_of(plugin, request.preset or "quick", request.dataset)
    asked_for = _space_options(plugin, {**(request.space_option or {}), **options_by_flag(request)})
    if request.strategy not in (None, AUTO):
        STRATEGIES.check(request.strategy)
    data = data_at_first(request, preset, data_needed=data_needed)
    preset = preset if data is None else preset.for_images(data.facts.image_shape)
    options = {**preset.space_options, **asked_for}
    space = SearchSpace(plugin, options, place=None if file is None else request.space)
    check_space(space)
    strategy, reward = _strategy(request, preset, space), _reward(request, preset.reward)
    numbers = {name: _first(getattr(request, name), getattr(preset, name)) for name in _PRESET_FIELDS}
    measured = _measured(request, preset, space, data, data_needed=data_needed)
    strategy, why = settled_strategy(strategy, space, measured)
    start = starting(request, space, strategy, {"reward": reward, **measured})
    settings = StudySettings(
        command=command,
        preset=request.preset or "quick",
        space=space.reference(file),
        reward=reward,
        strategy=strategy,
        strategy_rule=why,
        strategy_settings=_constants(request, preset, strategy, start, trials=measured["trials"]),
        replication=_replication(request, measured),
        seed=request.seed or 0,
        limits=Limits(request.max_parameters, request.max_multiply_adds or affordable(request, preset, space, data)),
        max_failures=request.max_failures or MAX_FAILURES,
        trial_timeout_seconds=request.trial_timeout,
        memory_limit_bytes=limit_asked_for(request.memory_limit, measured["executor"]),
        time_budget_seconds=request.time_budget,
        published_cost=preset.published_cost,
        taken_over=start.taken_over,
        transfer=plan_transfer(request, space, request.preset or "quick"),
        environment=current_environment(),
        timings=choose_table().table if EVALUATORS.load(measured["evaluator"].name).trains else None,
        **numbers,
        **measured,
        **after_search(request, preset, space, EVALUATORS.load(measured["evaluator"].name), measured),
    )
    _check_together(settings, request, space)
    by_preset = preset.warm_start if is_as_designed(request, preset, space) else 0
    if request.warm_start == "costs" or (request.warm_start is None and by_preset):
        settings = with_warm_start(settings, space, first=by_preset or None)
    return settings, space


def _measured(
    request: SearchRequest, preset: SearchPreset, space: SearchSpace, data: KnownData | None, *, data_needed: bool
) -> dict[str, Any]:
    """Return the settings `evaluator`, `child`, `early_stop`, `executor`, `workers` and `cluster`, and the epochs and trials
    that fit the data, by name."""
    name = evaluator_named(request.evaluator or DEFAULT_EVALUATOR)
    factory: EvaluatorFactory = EVALUATORS.load(name)
    _check_flags(name, factory, request)
    where = _where(request, factory)
    kind = kind_named(space.plugin.produces)
    has_child = factory.trains and not (name == own.NAME and preset.child is None)
    child = plan_child(request, preset.child, kind, data_needed=data_needed, data=data) if has_child else None
    if child is not None:
        check_placed(space, typed_facts(child.problem))
    extent = Extent(_first(request.trials, preset.trials), _first(request.epochs, preset.epochs))
    if child is not None and request.epochs is None:
        found = fitted(preset, space, child)
        extent = Extent(_first(request.trials, found.trials), found.epochs)
    options = typed(request.evaluator_option or {})
    check_options(factory.options, options, owner=f"evaluator {name}")
    asked = EvaluationRequest(
        space=space,
        child=child,
        data_needed=data_needed,
        epochs=extent.epochs,
        accelerated=where.accelerated,
        given=request.given(),
        options=options,
    )
    evaluator = EvaluatorSpec(name, factory.resolve(asked))
    stopped = early_stop_of(
        request, factory, evaluator.settings, epochs=extent.epochs, reuse=_first(request.reuse, preset.reuse)
    )
    return {"evaluator": evaluator, "child": child, "early_stop": stopped, **where._asdict(), **extent._asdict()}


def doubts(settings: StudySettings, request: SearchRequest) -> Iterator[str]:
    """Yield warnings for valid settings that are probably mistakes, such as more workers than trials in flight."""
    in_flight = window(settings.in_flight, settings.strategy_settings.get("minibatch", 1))
    if request.workers is not None and request.workers > in_flight:
        yield (
            f"--workers {request.workers}, but at most {in_flight} children are in flight at a time, so the other workers have "
            "nothing to do; --in-flight raises that, and is part of the search"
        )
    yield from doubts_of_room(settings, chosen=request.workers is not None)
    yield from why_not_told(request, settings)
    if settings.child is not None:
        problem = settings.child.problem
        yield from problem_named(problem.name).doubts(typed_dataset(problem), typed_facts(problem))


def _check_together(settings: StudySettings, request: SearchRequest, space: SearchSpace) -> None:
    """Raise UserError where what was asked for can only be a mistake."""
    if settings.retrain_top > settings.trials:
        raise UserError(
            f"--retrain-top {settings.retrain_top} is more than there are trials; give at most --retrain-top {settings.trials}"
        )
    if not settings.retrain_top and settings.baseline is None:
        for name in ("retrain-epochs", "retrain-seeds"):
            if name in request.given():
                raise UserError(f"--{name} is about the best, which are trained again; say how many with --retrain-top")
    factory: StrategyFactory = STRATEGIES.load(settings.strategy)
    small = factory.small_spaces_only
    if small:
        factory(space, seed=settings.seed, settings=settings.strategy_settings)  # says which spaces are too large
    if small and settings.reuse and settings.trials > space.size:
        raise UserError(
            f"space {space.plugin.name!r} has {counted(space.size, 'genotype')}, and a later trial of one only takes its score "
            f"again; give --trials {space.size}, or --no-reuse to measure each anew"
        )


def repeated(settings: StudySettings, count: int) -> list[StudySettings]:
    """Return the same settings `count` times, with seeds s, s + 1, …"""
    if settings.seed + count - 1 > LARGEST:
        raise UserError(f"--repeat {count} from --seed {settings.seed} goes beyond the largest seed, {LARGEST}")
    return [msgspec.structs.replace(settings, seed=seed) for seed in range(settings.seed, settings.seed + count)]


_PRESET_FIELDS = ("in_flight", "reuse")
"""What a preset fixes and a flag of the same name changes, besides trials and epochs (`planning.fitting`)."""


def _plugin(command: str, name: str) -> tuple[Plugin, str | None]:
    plugin, file = plugin_named(name)
    if plugin.command != command:
        raise UserError(
            f"space {plugin.name!r} is searched with `automl {plugin.command}`, not {command}; here: "
            f"{', '.join(spaces_of(command))}"
        )
    return plugin, file


def _strategy(request: SearchRequest, preset: SearchPreset, space: SearchSpace) -> str:
    """Return the name of the strategy: that of the flag, or of the preset. A wrong one of a preset is said with the space.

    Enough trials for every genotype that means something of its own, where the space knows which do, and no more than there are
    genotypes, visit each once: `exhaustive`.
    """
    trials = request.trials or preset.trials
    is_free = request.strategy in (None, AUTO) and not request.strategy_option and trials <= space.size
    if is_free and not request.replicates and space.fewer_distinct_than(trials + 1):
        return "exhaustive"
    if request.strategy == AUTO:
        if request.strategy_option:
            raise UserError("--strategy-option is about one strategy, and --strategy auto chooses which; name the strategy")
        return AUTO
    try:
        return STRATEGIES.check(request.strategy or preset.strategy)
    except UserError as error:
        if request.strategy:
            raise
        field = f"presets[{request.preset or 'quick'!r}] of SPACE"
        raise SpaceError(f"{space.place}: {field}: {error}. Mend the preset, or give --strategy") from error


def _space_options(plugin: Plugin, given: Mapping[str, Any]) -> dict[str, Choice]:
    """Check options of the space, given as texts (by flags) or as values (in a file), and return their values."""
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    settled = plugin.settle({name: value for name, value in given.items() if name not in texts})
    return {name: settled[name] for name in given if name not in texts} | plugin.parse_options(texts)


def _constants(request: SearchRequest, preset: SearchPreset, strategy: str, start: Start, *, trials: int) -> dict[str, Any]:
    """Return all constants of the strategy: flags over the preset, the rest by the strategy's own rule."""
    given = {**preset.strategy_settings.get(strategy, {}), **typed(request.strategy_option or {}), **start.constants(strategy)}
    factory: StrategyFactory = STRATEGIES.load(strategy)
    resolved = dict(factory.resolve(trials, given))
    check_options(factory.settings, given, owner=f"strategy {strategy}", besides=(CONSTANTS,))
    return resolved


def _replication(request: SearchRequest, measured: Mapping[str, Any]) -> Replication | None:
    """Return how what looks best is measured again. Raises UserError where a score is always the same."""
    if not request.replicates:
        return None
    if not is_noisy(measured):
        raise UserError("--replicates measures again what has noise, and here a score is always the same; leave it out")
    return Replication(seeds=request.replicates, share=REPLICATE_SHARE)


def _reward(request: SearchRequest, preset: Reward) -> Reward:
    """Return the preset's reward, with another exponent where one was asked for."""
    if request.reward_exponent is None:
        return preset
    if not isinstance(preset, Power):
        raise UserError(f"--reward-exponent is about a power of the score; here the reward is {preset.words}. Leave it out")
    return Power(request.reward_exponent)


def _check_flags(name: str, factory: EvaluatorFactory, request: SearchRequest) -> None:
    """Raise UserError for flags that mean nothing to the evaluator."""
    own = {flag.name for flag in factory.flags}
    for flag, value in request.given().items():
        if (flag, value) == ("baseline", False):
            continue
        row = flag_named(flag)
        if row.of_children and not factory.trains:
            raise UserError(f"--{flag} is about networks that are trained, and --evaluator {name} trains none; leave it out")
        if flag in factory.unused:
            raise UserError(f"--{flag} means nothing to --evaluator {name}; leave it out")
        if row.of_evaluator is not None and flag not in own:
            raise UserError(f"--{flag} is about a {row.of_evaluator}; give --evaluator {row.of_evaluator} with it")


def check_held(request: SearchRequest) -> bool:
    """Return whether the evaluator is a function that only this process holds. Raises UserError for flags that then ask for
    other processes."""
    if not (request.evaluator or "").startswith(f"{HERE}:"):
        return False
    asked = {
        f"--executor {request.executor}": request.executor not in (None, "serial"),
        f"--workers {request.workers}": request.workers not in (None, 1),
        f"--trial-timeout {request.trial_timeout}": request.trial_timeout is not None,
        f"--memory-limit {request.memory_limit}": request.memory_limit is not None,
    }
    for flag, processes in asked.items():
        if processes:
            raise UserError(
                f"{flag} needs other processes, and only this one holds the function that scores; leave it out, or write the "
                "function into a file and give FILE.py:FUNCTION"
            )
    return True


def _where(request: SearchRequest, factory: EvaluatorFactory) -> Workplace:
    """Return where children run: in worker processes, or in this process for an evaluator that answers at once."""
    limits = (request.trial_timeout, request.memory_limit)
    here = check_held(request) or (factory.instant and request.workers in (None, 1) and limits == (None, None))
    name = EXECUTORS.check(request.executor or ("serial" if here else "local"))
    cluster, limit = cluster_of(name, request), limit_asked_for(request.memory_limit, name)
    return place_of(name, request.workers, request.trial_timeout, memory_limit_bytes=limit, cluster=cluster)


def _first(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given

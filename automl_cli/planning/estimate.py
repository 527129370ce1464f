"""Estimate what a search will take, before it is started: `--dry-run`.

The evaluator is asked how long children take, for networks that the search could propose, spread over the whole of it.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.rewards import Reward
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Limits
from automl_cli.planning.fitting import fitted, reason
from automl_cli.store.study import EarlyStop, Replication, StudySettings, TransferSettings, WarmStart
from automl_cli.study.proposals import window
from automl_cli.study.session import costs_of, evaluator_of, setup_of
from automl_cli.system.process import default_workers

SAMPLES = 64


class CountRange(Struct, frozen=True):
    """The lowest and the highest count of something over the search."""

    lowest: int
    highest: int


class SearchPlan(Struct, frozen=True, kw_only=True):
    """The plan of a search: what `--dry-run` says. `measured` are rows of the evaluator, name and words.

    Of so many `sampled` uniform genotypes so many are `within_limits`. `in_flight` is rounded up to whole minibatches, as the
    search does. `start_from` counts the genotypes that the strategy was given to begin with, `taken_over` the trials of earlier
    runs that it is told first; `strategy_rule` says why `--strategy auto` chose it. `steps` are those of a training, where one
    is known, and `fitted` says why trials or epochs are not those of the preset. `repeats` is how many such searches there are,
    one after the other, if there are several.
    """

    command: str
    space: str
    space_options: dict[str, str | int | float | bool]
    dataset: str | None
    measured: tuple[tuple[str, str], ...]
    strategy: str
    strategy_settings: dict[str, Any]
    start_from: int
    taken_over: int
    seed: int
    trials: int
    epochs: int
    steps: int | None
    fitted: str | None
    in_flight: int
    reward: Reward
    retrain_top: int
    retrain_epochs: int
    retrain_seeds: int
    baseline: str | None
    baseline_role: str | None
    decisions: CountRange
    multiply_adds: CountRange | None
    limits: Limits
    sampled: int
    within_limits: int
    executor: str
    workers: int
    compute_seconds: float | None
    compile_seconds: float | None
    wall_seconds: float | None
    wall_seconds_compiled: float | None
    published_cost: str
    transfer: TransferSettings | None = None
    strategy_rule: str = ""
    replication: Replication | None = None
    warm_start: WarmStart | None = None
    early_stop: EarlyStop | None = None
    repeats: int | None = None


def plan_of(settings: StudySettings, space: SearchSpace) -> SearchPlan:
    """Return the plan of a study, with an estimate for this machine."""
    genotypes = [space.sample(settings.seed, trial) for trial in _spread(settings.trials)]
    priced = [(genotype, costs_of(settings, space, genotype)) for genotype in genotypes]
    costs = [found for _, found in priced if found is not None]
    fitting = [genotype for genotype, found in priced if found is None or not settings.limits.excess(found)]
    evaluator, setup = evaluator_of(settings), setup_of(settings)
    in_flight = window(settings.in_flight, settings.strategy_settings.get("minibatch", 1))
    seconds = _seconds(settings, space, fitting or genotypes, busy=min(settings.workers, in_flight, _room(settings)))
    return SearchPlan(
        command=settings.command,
        space=settings.space.name,
        space_options=settings.space.options,
        dataset=settings.source,
        measured=tuple(evaluator.describe(setup, space, genotypes)),
        strategy=settings.strategy,
        strategy_settings=settings.strategy_settings,
        start_from=len(settings.strategy_settings.get("start_from", ())),
        taken_over=sum(run.trials for run in settings.taken_over),
        seed=settings.seed,
        trials=settings.trials,
        epochs=settings.epochs,
        steps=_steps(settings),
        fitted=fitted_in_words(settings, space),
        in_flight=in_flight,
        reward=settings.reward,
        retrain_top=settings.retrain_top,
        retrain_epochs=settings.retrain_epochs,
        retrain_seeds=settings.retrain_seeds,
        baseline=None if settings.baseline is None else settings.baseline.name,
        baseline_role=None if settings.baseline is None or settings.child is None else settings.child.open_role,
        decisions=_range([len(genotype) for genotype in genotypes]),
        multiply_adds=_range([one.multiply_adds for one in costs]) if costs else None,
        limits=settings.limits,
        sampled=len(genotypes),
        within_limits=len(fitting),
        executor=settings.executor,
        workers=settings.workers,
        published_cost=settings.published_cost,
        transfer=settings.transfer,
        strategy_rule=settings.strategy_rule,
        replication=settings.replication,
        warm_start=settings.warm_start,
        early_stop=settings.early_stop,
        **seconds,
    )


def _room(settings: StudySettings) -> int:
    """Return how many children can be trained at a time: as many as this machine has cores or GPUs for, or as were asked of a
    cluster."""
    return default_workers(settings.memory_limit_bytes) if settings.cluster is None else settings.workers


def _steps(settings: StudySettings) -> int | None:
    """Return the steps of a child's training, or None where nothing is trained."""
    if (child := settings.child) is None:
        return None
    return settings.epochs * child.recipe.steps(child.problem.facts["train_examples"])


def fitted_in_words(settings: StudySettings, space: SearchSpace) -> str | None:
    """Return why the data made trials or epochs others than those of the preset; None where they did not."""
    preset = space.plugin.presets.get(settings.preset)
    if preset is None or settings.child is None:
        return None
    preset = preset.for_images(settings.child.problem.facts.get("image_shape"))
    found = fitted(preset, space, settings.child)
    if found.epochs != settings.epochs or found.trials != settings.trials:
        return None
    return reason(preset, found)


def _seconds(settings: StudySettings, space: SearchSpace, genotypes: Sequence[Genotype], *, busy: int) -> dict[str, Any]:
    """Return the estimates of the plan by name, with so many workers that are busy at a time."""
    evaluator, setup, after = evaluator_of(settings), setup_of(settings), settings.trainings_after
    trained = [
        evaluator.seconds(setup, space, genotypes, trials=trials, epochs=epochs) for epochs, trials in _trainings(settings)
    ]
    search = trained[0]
    again = evaluator.seconds(setup, space, genotypes, trials=after, epochs=settings.retrain_epochs) if after else None
    if search is None:
        return dict.fromkeys(("compute_seconds", "compile_seconds", "wall_seconds", "wall_seconds_compiled"))
    compiled = busy * search.start + sum(each.training for each in trained if each is not None)
    compiled += 0.0 if again is None else again.training  # the programs of those are compiled by then
    return {
        "compute_seconds": compiled + search.compiling,
        "compile_seconds": search.compiling,
        "wall_seconds": (compiled + search.compiling) / busy,
        "wall_seconds_compiled": compiled / busy,
    }


def _trainings(settings: StudySettings) -> list[tuple[int, int]]:
    """Return for each rung its epochs, and about how many trials are trained there; all trials where none is stopped early."""
    factor = 1 if settings.early_stop is None else settings.early_stop.factor
    return [(epochs, max(1, settings.trials // factor**rung)) for rung, epochs in enumerate(settings.rungs)]


def _spread(trials: int) -> list[int]:
    """Return at most `SAMPLES` trial numbers, evenly from the first to the last."""
    count = min(trials, SAMPLES)
    return sorted({round(at * (trials - 1) / max(1, count - 1)) for at in range(count)})


def _range(values: list[int]) -> CountRange:
    return CountRange(min(values), max(values))

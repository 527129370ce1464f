"""Runs one session of a study in its run directory, with strategy, evaluator and executor found by name."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import EvaluatorFactory, EvaluatorSetup, Executor, Strategy, StrategyFactory
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Limits
from automl_cli.plugins.listing import kind_named
from automl_cli.plugins.registry import EVALUATORS, EXECUTORS, STRATEGIES
from automl_cli.store.artifact import write_artifact
from automl_cli.store.encoding import convert, plain
from automl_cli.store.journal import Journal, read_records
from automl_cli.store.run_directory import RunDirectory
from automl_cli.store.study import StudySettings
from automl_cli.strategies.replicates import Replicating
from automl_cli.strategies.starting import largest
from automl_cli.study.incumbent import Winner, winner_artifact
from automl_cli.study.loop import SearchProgress, Study


def make_strategy(settings: StudySettings, space: SearchSpace) -> Strategy:
    """Return a fresh strategy with the constants in the settings."""
    factory: StrategyFactory = STRATEGIES.load(settings.strategy)
    chosen = settings.strategy_settings
    if settings.warm_start is not None:
        chosen = {**chosen, "start_from": warm_start(settings, space)}
    strategy = factory(space, seed=settings.seed, settings=chosen)
    if (replication := settings.replication) is None:
        return strategy
    return Replicating(strategy, space, seeds=replication.seeds, share=replication.share, reuse=settings.reuse)


def warm_start(settings: StudySettings, space: SearchSpace) -> list[Genotype]:
    """Return the genotypes of the first trials: those that the user gave, then the costliest of many uniform ones, of those
    that are within the limits. A function of settings and seed, so it is the same when a study is resumed."""
    warm, given = settings.warm_start, convert(settings.strategy_settings.get("start_from", []), list[Genotype], "start_from")
    assert warm is not None
    size = sizes_of(settings, space)
    assert size is not None, "planning refuses what has no costs"
    within = None if settings.limits == Limits() else lambda genotype: not _excess(settings, space, genotype)
    costliest = largest(space, size, draws=warm.draws, seed=settings.seed, within=within)
    return list(dict.fromkeys([*given, *costliest]))[: max(warm.count, len(given))]


def sizes_of(settings: StudySettings, space: SearchSpace) -> Callable[[Genotype], float] | None:
    """Return what tells the size of the child of a genotype without measuring it; None where its evaluator knows none."""
    return evaluator_of(settings).sizes(setup_of(settings), space)


def _excess(settings: StudySettings, space: SearchSpace, genotype: Genotype) -> str:
    costs = costs_of(settings, space, genotype)
    return "" if costs is None else settings.limits.excess(costs)


def evaluator_of(settings: StudySettings) -> EvaluatorFactory:
    """Return the planning half of the evaluator that the settings name."""
    factory: EvaluatorFactory = EVALUATORS.load(settings.evaluator.name)
    return factory


def setup_of(settings: StudySettings) -> EvaluatorSetup:
    """Return the data that workers build the evaluator from."""
    child, baseline = (None if one is None else plain(one) for one in (settings.child, settings.baseline))
    timings = None if settings.timings is None else plain(settings.timings)
    return EvaluatorSetup(settings.evaluator, settings.space, child, baseline, timings)


def costs_of(settings: StudySettings, space: SearchSpace, genotype: Genotype) -> Costs | None:
    """Return the exact costs of the child of this genotype, or None where its evaluator knows none."""
    return evaluator_of(settings).costs(setup_of(settings), space, genotype)


def make_executor(settings: StudySettings) -> Executor:
    """Return the executor that the settings name. Its workers start when there is work."""
    make, limit = EXECUTORS.load(settings.executor), settings.memory_limit_bytes
    more: dict[str, Any] = {"timeout_seconds": settings.trial_timeout_seconds}
    more |= {} if limit is None else {"memory_limit_bytes": limit}
    more |= {} if settings.cluster is None else {"cluster": settings.cluster}
    executor: Executor = make(setup_of(settings), workers=settings.workers, **more)
    return executor


def run_study(
    run: RunDirectory,
    settings: StudySettings,
    *,
    space: SearchSpace,
    strategy: Strategy,
    executor: Executor,
    on_progress: Callable[[SearchProgress], None] = lambda progress: None,
) -> Winner:
    """Run or continue the study of a run directory that this process holds, keep its `best.json` up to date, return the winner.

    The executor is left open for another study of the same children, unless this one did not finish.
    """

    def publish(winner: Winner) -> None:
        costs = costs_of(settings, space, winner.trial.task.genotype)
        write_artifact(run.best_file, winner_artifact(settings, space, winner, costs=costs))

    evaluator = evaluator_of(settings)
    with closing(Journal(run.journal_file)) as journal:
        study = Study(
            settings,
            strategy=strategy,
            executor=executor,
            journal=journal,
            publish=publish,
            price=partial(evaluator.costs, setup_of(settings), space),
            together=evaluator.together(settings.evaluator.settings),
            joins=kind_named(space.plugin.produces).joins,
            standing_for=space.canonical,
            on_progress=on_progress,
        )
        return study.run(read_records(run.journal_file))

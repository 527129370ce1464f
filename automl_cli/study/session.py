"""A session of a study: its strategy and executor by name, its journal and winner in the run directory."""

from collections.abc import Callable
from contextlib import closing

from automl_cli.core.plugins import SearchSpace
from automl_cli.core.protocols import Executor, Strategy
from automl_cli.plugins.registry import EXECUTORS, STRATEGIES, load
from automl_cli.store.artifact import write_artifact
from automl_cli.store.bodies import StudySettings
from automl_cli.store.journal import Journal, read_records
from automl_cli.store.run_directory import RunDirectory
from automl_cli.study.incumbent import Winner, costs_of, winner_artifact
from automl_cli.study.loop import Progress, Study


def make_strategy(settings: StudySettings, space: SearchSpace) -> Strategy:
    """A fresh strategy as the settings say."""
    strategy: Strategy = load("strategy", STRATEGIES, settings.strategy)(
        space, seed=settings.seed, settings=settings.strategy_settings
    )
    return strategy


def make_executor(settings: StudySettings) -> Executor:
    """The executor that the settings name. Its workers start when there is work."""
    make = load("executor", EXECUTORS, settings.executor)
    executor: Executor = make(settings.evaluator, workers=settings.workers, timeout_seconds=settings.trial_timeout_seconds)
    return executor


def run_study(
    run: RunDirectory,
    settings: StudySettings,
    *,
    space: SearchSpace,
    strategy: Strategy,
    executor: Executor,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Winner:
    """Run or continue the study of a run directory that this process holds; `best.json` is kept up to date there.

    The executor is left open for another study of the same children, unless this one did not finish.
    """
    with closing(Journal(run.journal_file)) as journal:
        study = Study(
            settings,
            strategy=strategy,
            executor=executor,
            journal=journal,
            publish=lambda winner: write_artifact(run.best_file, winner_artifact(settings, space, winner)),
            price=lambda genotype: costs_of(settings, space, genotype),
            on_progress=on_progress,
        )
        return study.run(read_records(run.journal_file))

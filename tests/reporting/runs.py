"""Run directories with known contents, for the tests of reports."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace

from automl_cli.core.rewards import Power
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Measurement, Outcome, Stage, Status
from automl_cli.plugins.discovery import plugins
from automl_cli.store.artifact import artifact_of
from automl_cli.store.journal import Asked, Ended, Journal, Started, Told
from automl_cli.store.run_directory import create_run
from automl_cli.store.study import StudySettings
from automl_cli.study.evaluation_cache import child_seed
from tests.store.samples import settings

SPACE = SearchSpace(plugins()["nas-bench-201"])


def study(**changes: object) -> StudySettings:
    """Settings of a search of the tabular space by random search, with changes."""
    usual = replace(settings(), space=SPACE.reference(), child=None, published_cost="800 GPUs for 28 days", reward=Power())
    return replace(usual, **changes)


def write_run(
    path: Path,
    scores: Iterable[float | None],
    *,
    reused: dict[int, int] | None = None,
    tests: Mapping[int, float] = MappingProxyType({}),
    column: str = "test",
    metrics: Mapping[str, int | float] = MappingProxyType({}),
    finished: bool = True,
    **changes: object,
) -> Path:
    """A run whose trials have these scores, each a second long; None is a diverged trial.

    The metric `column` is 0.5 above the score, except where `tests` says otherwise; `metrics` are the same for all.
    """
    listed = list(scores)
    made = study(**{"trials": max(1, len(listed)), **changes})
    with create_run(path, artifact_of(made)) as run:
        journal = Journal(run.journal_file)
        journal.append(Started(at=0.0, executor="serial", workers=1))
        for number, score in enumerate(listed):
            earlier = (reused or {}).get(number)
            journal.append(asked(number, made, genotype=earlier))
            journal.append(told(number, score, reused=earlier, test=tests.get(number), column=column, metrics=metrics))
        if finished:
            journal.append(Ended(reason="finished", elapsed=float(len(listed))))
        journal.close()
    return path


def asked(number: int, made: StudySettings, stage: Stage = Stage.SEARCH, *, genotype: int | None = None) -> Asked:
    """The record of a proposal; `genotype` is the trial that proposed the same before."""
    proposed = SPACE.sample(made.seed, number if genotype is None else genotype)
    epochs = made.epochs if stage is Stage.SEARCH else made.retrain_epochs
    seed = child_seed(made.seed, proposed, stage, epochs)
    return Asked(trial=number, stage=stage, genotype=proposed, log_probability=None, seed=seed, epochs=epochs)


def told(
    number: int,
    score: float | None,
    *,
    reused: int | None = None,
    test: float | None = None,
    column: str = "test",
    stage: Stage = Stage.SEARCH,
    metrics: Mapping[str, int | float] = MappingProxyType({}),
) -> Told:
    seconds = 0.0 if reused is not None else 1.0
    if score is None:
        outcome = Outcome(Status.DIVERGED, message="loss is nan", seconds=seconds)
    else:
        found = {column: score + 0.5 if test is None else test, **metrics}
        outcome = Outcome(Status.OK, Measurement(scores=(score,), metrics=found), seconds=seconds)
    return Told(trial=number, stage=stage, outcome=outcome, reused=reused, elapsed=number + 1.0)

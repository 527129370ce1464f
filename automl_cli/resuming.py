"""What may change when a study is resumed, and what must be as it was recorded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from automl_cli.core.datasets import DatasetReference
from automl_cli.core.errors import UserError
from automl_cli.core.plugins import SearchSpace
from automl_cli.core.trials import EvaluatorSpec
from automl_cli.discovery import open_space
from automl_cli.planning import SearchRequest, check_values, executor_and_workers, typed
from automl_cli.store.bodies import StudySettings
from automl_cli.store.environment import Environment, current_environment

CHANGEABLE = ("trials", "workers", "executor", "time-budget")
"""These flags may say something new; any other must say what is recorded, or nothing."""


def resume_search(recorded: StudySettings, request: SearchRequest) -> tuple[StudySettings, SearchSpace]:
    """The recorded settings with what may change changed, and the space. UserError where the request wants anything else."""
    check_values(request)
    _check_that_nothing_else_changes(recorded, request)
    recorded = _with_file(recorded, request.space)
    executor, workers = executor_and_workers(
        request.executor or recorded.executor,
        request.workers or (None if request.executor else recorded.workers),
        recorded.trial_timeout_seconds,
    )
    settings = msgspec.structs.replace(
        recorded,
        trials=request.trials or recorded.trials,
        time_budget_seconds=request.time_budget or recorded.time_budget_seconds,
        executor=executor,
        workers=workers,
    )
    return settings, open_space(settings.space)


def environment_changes(recorded: Environment) -> Iterator[str]:
    """What low bits may depend on and is not as recorded, in words."""
    here = current_environment()
    if here.cpu != recorded.cpu:
        yield f"CPU {recorded.cpu}, now {here.cpu}"
    if here.python != recorded.python:
        yield f"Python {recorded.python}, now {here.python}"
    for name in sorted(recorded.packages.keys() | here.packages.keys()):
        before, now = recorded.packages.get(name, "none"), here.packages.get(name, "none")
        if before != now:
            yield f"{name} {before}, now {now}"


def _check_that_nothing_else_changes(recorded: StudySettings, request: SearchRequest) -> None:
    record = _flags_of(recorded)
    for name, value in request.given().items():
        if name not in CHANGEABLE and name in record and not _agrees(value, record[name]):
            raise UserError(
                f"--{name} {_shown(value)} is not what this run was started with ({_shown(record[name])}). On resume only "
                f"{', '.join('--' + flag for flag in CHANGEABLE)} may change; for anything else start a new run"
            )
    if request.trials is not None and request.trials < recorded.trials:
        raise UserError(
            f"--trials {request.trials} is less than the recorded {recorded.trials}; on resume it can only be raised"
        )


def _with_file(recorded: StudySettings, given: str | None) -> StudySettings:
    """A space from a file is imported from where the user says now, never from a path that a file of ours names."""
    if recorded.space.file is None:
        return recorded
    if given is None or not given.endswith(".py"):
        raise UserError(
            f"this run searches a space of your own, {recorded.space.name!r}; give its file again with --space FILE.py"
        )
    file = str(Path(given).resolve())
    settings = recorded.evaluator.settings
    settings = {**settings, "space": {**settings["space"], "file": file}}
    return msgspec.structs.replace(
        recorded,
        space=msgspec.structs.replace(recorded.space, file=file),
        evaluator=EvaluatorSpec(recorded.evaluator.name, settings),
    )


def _flags_of(settings: StudySettings) -> dict[str, Any]:
    """The recorded settings by the names of the flags. A space from a file is checked when it is opened."""
    dataset, limits = settings.dataset or DatasetReference(source="none"), settings.limits
    return {
        "preset": settings.preset,
        **({} if settings.space.file else {"space": settings.space.name}),
        "space-option": settings.space.options,
        "dataset": dataset.source,
        "data-dir": dataset.data_dir,
        "train-examples": dataset.train_examples,
        "image-size": dataset.image_size,
        "metric": dataset.metric,
        "strategy": settings.strategy,
        "strategy-option": settings.strategy_settings,
        "evaluator": settings.evaluator.name,
        "evaluator-option": settings.evaluator.settings,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "in-flight": settings.in_flight,
        "reward-exponent": settings.reward_exponent,
        "retrain-top": settings.retrain_top,
        "retrain-epochs": settings.retrain_epochs,
        "max-parameters": limits.max_parameters,
        "max-multiply-adds": limits.max_multiply_adds,
        "reuse": settings.reuse,
        "max-failures": settings.max_failures,
        "trial-timeout": settings.trial_timeout_seconds,
    }


def _agrees(given: Any, recorded: Any) -> bool:
    if isinstance(given, Mapping):
        return all(name in recorded and value == recorded[name] for name, value in typed(given).items())
    return bool(given == recorded)


def _shown(value: Any) -> str:
    """As it would be typed behind a flag."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_shown(item)}" for name, item in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)

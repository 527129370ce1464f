"""What may change when a study is resumed, and what must be as it was recorded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from automl_cli.core.errors import DataError, UserError
from automl_cli.core.plugins import SearchSpace
from automl_cli.core.trials import EvaluatorSpec
from automl_cli.jobs.transfer import check_transfer
from automl_cli.planning.request import SearchRequest, check_values, typed
from automl_cli.planning.resolve import executor_and_workers
from automl_cli.planning.table_flags import FLAGS as TABLE_FLAGS
from automl_cli.planning.table_flags import setting_of
from automl_cli.planning.warm_start import start_from
from automl_cli.plugins.discovery import open_space
from automl_cli.plugins.registry import EVALUATORS, STRATEGIES, load
from automl_cli.store.bodies import StudySettings, TransferSettings
from automl_cli.store.encoding import plain
from automl_cli.system.machine import Environment, current_environment
from automl_cli.values.dataset import DatasetReference

CHANGEABLE = ("trials", "workers", "executor", "time-budget")
"""These flags may say something new; any other must say what is recorded, or nothing."""


def resume_search(command: str, recorded: StudySettings, request: SearchRequest) -> tuple[StudySettings, SearchSpace]:
    """The recorded settings with what may change changed, and the space. UserError where the request wants anything else, and
    where data or table are no longer what they were."""
    if command != recorded.command:
        raise UserError(f"this is a run of {recorded.command}; continue it with `automl {recorded.command} --resume`")
    check_values(request)
    recorded = _with_file(recorded, request.space)
    _check_that_nothing_else_changes(recorded, request)
    _check_data(recorded)
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
    check_transfer(settings)
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
        if name in CHANGEABLE or (name == "space" and recorded.space.file):
            continue  # a space from a file is checked when it is opened
        asked = _as_recorded(recorded, name, value)
        if not _agrees(asked, record[name]):
            raise UserError(
                f"--{name} {_shown(value)} is not what this run was started with ({_shown(record[name])}). On resume only "
                f"{', '.join('--' + flag for flag in CHANGEABLE)} may change; for anything else start a new run"
            )
    if request.trials is not None and request.trials < recorded.trials:
        raise UserError(
            f"--trials {request.trials} is less than the recorded {recorded.trials}; on resume it can only be raised"
        )


def _as_recorded(recorded: StudySettings, name: str, value: Any) -> Any:
    """What is recorded of the flag when it is given so: for `constants=paper` those constants, for a table its settings."""
    if name == "start-from":
        return start_from(value, open_space(recorded.space), recorded.strategy)["start_from"]
    if name == "strategy-option" and "constants" in value:
        return plain(load("strategy", STRATEGIES, recorded.strategy).resolve(recorded.trials, typed(value)))
    return setting_of(name, value)[1] if name in TABLE_FLAGS else value


def _check_data(recorded: StudySettings) -> None:
    """Raises DataError where what children are measured with is not what it was."""
    if recorded.evaluator.name == "table":
        load("evaluator", EVALUATORS, "table")(recorded.evaluator.settings)
    if recorded.dataset is None:
        return
    from automl_cli.data import image_facts

    now, before = plain(image_facts(recorded.dataset)), plain(recorded.facts)
    if changed := [name for name, value in now.items() if value != before[name]]:
        shown = ", ".join(f"{name.replace('_', ' ')} {now[name]} (was {before[name]})" for name in changed)
        raise DataError(
            f"data set {recorded.dataset.source!r} is not what this run was started with: {shown}. Give the data back, or "
            "start a new run"
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
    """The recorded settings by the names of the flags."""
    dataset, limits = settings.dataset or DatasetReference(source="none"), settings.limits
    return {
        "preset": settings.preset,
        "space": settings.space.name,
        "space-option": settings.space.options,
        "dataset": dataset.source,
        "data-dir": dataset.data_dir,
        "train-examples": dataset.train_examples,
        "image-size": dataset.image_size,
        "metric": dataset.metric,
        "strategy": settings.strategy,
        "strategy-option": settings.strategy_settings,
        "start-from": settings.strategy_settings.get("start_from"),
        "evaluator": settings.evaluator.name,
        "evaluator-option": settings.evaluator.settings,
        **{name: settings.evaluator.settings.get(setting_of(name, "")[0]) for name in TABLE_FLAGS},
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
        **_transfer_flags(settings.transfer),
    }


def _transfer_flags(transfer: TransferSettings | None) -> dict[str, Any]:
    if transfer is None:
        return dict.fromkeys(("transfer", "transfer-image-size", "transfer-epochs", "stack", "filters"))
    return {
        "transfer": transfer.dataset.source,
        "transfer-image-size": transfer.dataset.image_size,
        "transfer-epochs": transfer.epochs,
        "stack": transfer.stack,
        "filters": transfer.filters,
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

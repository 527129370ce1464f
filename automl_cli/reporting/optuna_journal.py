"""Writes a run as a journal of Optuna, which optuna-dashboard opens: decisions become categorical parameters.

Optuna itself writes it, so that its own programs read it, whatever their version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from automl_cli.core.decisions import Choice
from automl_cli.core.errors import UserError
from automl_cli.core.trials import Stage
from automl_cli.reporting.runs import History, space_of
from automl_cli.reporting.trial_table import TrialRow, trial_rows
from automl_cli.store.file_names import JOURNAL_FILE
from automl_cli.store.files import ANOTHER_OUT, beside, cannot_write
from automl_cli.store.journal import Started, Told, read_records


def write_journal(path: Path, histories: Sequence[History]) -> Path:
    """Write each run as a study of its name into one file, which is replaced. Raises UserError without Optuna."""
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
    except ImportError as error:
        raise UserError("a journal of Optuna needs another package: pip install 'automl-cli[optuna]'") from error
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logs = _Logs()
    try:
        for history in histories:
            _add(optuna, JournalStorage(logs), history)
    finally:
        optuna.logging.set_verbosity(before)
    draft = beside(path)
    try:
        JournalFileBackend(str(draft), lock_obj=JournalFileOpenLock(str(draft))).append_logs(logs.all)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise cannot_write(path, error, hint=ANOTHER_OUT) from error
    return path


class _Logs:
    """Holds the records of a journal in memory, as a backend of Optuna: written one by one to disk, each would be flushed."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> list[dict[str, Any]]:
        """Return the records from this number on."""
        return self.all[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add records."""
        self.all += logs


def _add(optuna: Any, storage: Any, history: History) -> None:
    """Add the run as a study with the trials that have ended, in order."""
    rows = trial_rows(history)
    scores: dict[int, list[float]] = {}
    for row in rows:
        if row.stage == Stage.RETRAIN and row.score is not None:
            scores.setdefault(row.trial, []).append(row.score)
    again = {trial: fmean(of_trial) for trial, of_trial in scores.items()}
    searched = [row for row in rows if row.stage == Stage.SEARCH]
    distributions = {
        name: optuna.distributions.CategoricalDistribution(choices) for name, choices in _choices(history, searched).items()
    }
    direction = "maximize" if history.settings.reward.better == "higher" else "minimize"
    study = optuna.create_study(storage=storage, study_name=history.name, direction=direction)
    for name, value in _about(history).items():
        study.set_user_attr(name, value)
    ends = dict(_ends(history.path / JOURNAL_FILE))
    study.add_trials(_trial(optuna, row, distributions, ends.get(row.trial), again.get(row.trial)) for row in searched)


def _trial(optuna: Any, row: TrialRow, distributions: Mapping[str, Any], end: datetime | None, again: float | None) -> Any:
    """Return one trial as Optuna holds it. One without a score is a failed one, with the reason as an attribute."""
    done = row.score is not None
    params = _params(row)
    about = {"status": row.status, "reward": row.reward, "reused": row.reused, "message": row.message, "retrained score": again}
    trial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.COMPLETE if done else optuna.trial.TrialState.FAIL,
        value=row.score,
        params=params,
        distributions={name: distributions[name] for name in params},
        user_attrs={name: value for name, value in {**about, **row.metrics}.items() if value not in (None, "")},
        intermediate_values=dict(enumerate(row.scores, start=1)),
    )
    if end is not None:
        trial.datetime_start, trial.datetime_complete = end - timedelta(seconds=row.seconds), end
    return trial


def _params(row: TrialRow) -> dict[str, Choice]:
    """Return the decisions by name; by number where the space is not imported, with the indices of the choices."""
    return row.choices or {f"decision {number}": index for number, index in enumerate(row.genotype)}


def _choices(history: History, rows: Sequence[TrialRow]) -> dict[str, tuple[Choice, ...]]:
    """Return all choices of every decision; those that were proposed where the space is not imported."""
    if (space := space_of(history.settings)) is not None:
        return {decision.name: decision.choices for decision in space.decisions.decisions}
    found: dict[str, set[Any]] = {}
    for row in rows:
        for name, value in _params(row).items():
            found.setdefault(name, set()).add(value)
    return {name: tuple(sorted(values)) for name, values in found.items()}


def _about(history: History) -> dict[str, Any]:
    settings = history.settings
    return {
        "command": settings.command,
        "space": settings.space.name,
        "strategy": settings.strategy,
        "seed": settings.seed,
        "data set": settings.source or "none",
        "reward": settings.reward.words,
    }


def _ends(journal: Path) -> Iterator[tuple[int, datetime]]:
    """Yield when each trial of the search ended, by its number."""
    began = 0.0
    for record in read_records(journal):
        if isinstance(record, Started):
            began = record.at
        elif isinstance(record, Told) and record.stage is Stage.SEARCH:
            yield record.trial, datetime.fromtimestamp(began + record.elapsed)

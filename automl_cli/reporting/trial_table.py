"""Trials as a table: one row each, as Python holds them, as CSV, or as Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from automl_cli.core.decisions import Choice
from automl_cli.core.errors import UserError
from automl_cli.core.rewards import Reward
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Stage, Trial
from automl_cli.reporting.runs import History, space_of
from automl_cli.store.csv_cells import safe_cell, safe_value
from automl_cli.store.files import ANOTHER_OUT, replace_file


class TrialRow(Struct, frozen=True, kw_only=True):
    """One trial of a search, or a retraining of one of the best.

    `score` and `reward` are None for a trial without a score; `message` then says why. `choices` are the decisions by name;
    none where the space is a file of the user's own, which is not imported. `metrics` are what the evaluator measured beside.
    """

    run: str
    trial: int
    stage: str
    status: str
    score: float | None
    reward: float | None
    scores: tuple[float, ...]
    epochs: int
    seconds: float
    reused: int | None
    message: str
    genotype: tuple[int, ...]
    choices: dict[str, Choice]
    metrics: dict[str, int | float]

    def flat(self) -> dict[str, Any]:
        """Return the row with plain values only, by the names of columns: `params_…` for decisions, `metrics_…` for metrics."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        lists = {"scores": " ".join(map(repr, self.scores)), "genotype": " ".join(map(str, self.genotype))}
        choices = {f"params_{name}": value for name, value in self.choices.items()}
        return {**plain, **lists, **choices, **{f"metrics_{name}": value for name, value in self.metrics.items()}}


_PLAIN = ("run", "trial", "stage", "status", "score", "reward", "epochs", "seconds", "reused", "message")
FIRST = (*_PLAIN, "scores", "genotype")
"""The first columns of every table of trials, by which one is known."""


def trial_rows(history: History, *, space: SearchSpace | None = None) -> list[TrialRow]:
    """Return the trials of a run in order, then those that were trained again, then what was made by hand."""
    space, reward = space or space_of(history.settings), history.settings.reward
    return [_row(history.name, trial, reward, space) for trial in (*history.trials, *history.retrained, *history.made_by_hand)]


def _row(run: str, trial: Trial, reward: Reward, space: SearchSpace | None) -> TrialRow:
    task, outcome = trial.task, trial.outcome
    measured = outcome.measurement
    return TrialRow(
        run=run,
        trial=task.trial,
        stage=task.stage.value,
        status=outcome.ending,
        score=None if measured is None else reward.score(measured),
        reward=None if measured is None else reward.of(measured),
        scores=() if measured is None else measured.scores,
        epochs=task.epochs,
        seconds=outcome.seconds,
        reused=trial.reused,
        message=outcome.message,
        genotype=task.genotype,
        choices={} if space is None or task.stage is Stage.BASELINE else space.decisions.choices_of(task.genotype),
        metrics={} if measured is None else measured.metrics,
    )


def csv_bytes(rows: Sequence[TrialRow]) -> bytes:
    """Return the rows as CSV in UTF-8. Texts that a spreadsheet would run as formulas are defused."""
    flat = [row.flat() for row in rows]
    columns = columns_of([dict.fromkeys(FIRST), *flat])
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([safe_cell(name) for name in columns])
    writer.writerows([safe_value(row.get(name)) for name in columns] for row in flat)
    return text.getvalue().encode(errors="replace")


def columns_of(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the columns of all rows, in the order in which they first come."""
    return tuple(dict.fromkeys(name for row in rows for name in row))


def parquet_bytes(rows: Sequence[TrialRow]) -> bytes:
    """Return the rows as a Parquet file. A column whose values are of different types is one of texts. Raises UserError without
    the extra that writes it."""
    pyarrow = _pyarrow()
    flat = [row.flat() for row in rows]
    columns = {name: _column([row.get(name) for row in flat]) for name in columns_of([dict.fromkeys(FIRST), *flat])}
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError("a .parquet file needs another package: pip install 'automl-cli[parquet]'") from error
    return pyarrow


def _column(values: list[Any]) -> list[Any]:
    """Return the values, as floats or as texts where they are of different types."""
    kinds = {type(value) for value in values} - {type(None)}
    if len(kinds) < 2:
        return values
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]


WRITERS = {".csv": csv_bytes, ".parquet": parquet_bytes}
"""What writes the rows, by the ending of the file's name."""


def write_trials(path: Path, histories: Sequence[History]) -> Path:
    """Write the trials of these runs into a `.csv` or `.parquet` file, or as Optuna's journal into a `.log` file.

    Raises UserError for another ending and for several runs in a journal of Optuna.
    """
    check_trials_file(path)
    if path.suffix == OPTUNA:
        from automl_cli.reporting.optuna_journal import write_journal

        return write_journal(path, histories)
    rows = [row for history in histories for row in trial_rows(history)]
    replace_file(path, WRITERS[path.suffix](rows), hint=ANOTHER_OUT)
    return path


OPTUNA = ".log"
"""The ending of a journal of Optuna."""


def check_trials_file(path: Path) -> None:
    """Raise UserError where trials cannot be written into this file: where something else is there, which stays."""
    endings = (*WRITERS, OPTUNA)
    if path.suffix not in endings:
        raise UserError(
            f"--trials is {str(path)!r}; its name must end in {', '.join(WRITERS)} or, for optuna-dashboard, {OPTUNA}"
        )
    if path.is_dir():
        raise UserError(f"--trials {path} is a directory; name a file")
    if not path.absolute().parent.is_dir():
        raise UserError(f"--trials is {str(path)!r}, and there is no folder {path.parent}; make it, or choose another place")
    if (path.exists() or path.is_symlink()) and not _is_ours(path):
        raise UserError(
            f"{path} holds no trials that automl wrote, so it stays; move it away, or name another file with --trials"
        )


def _is_ours(path: Path) -> bool:
    """Return whether a file is one of trials that was written before."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(BEGINNING)
    if path.suffix == OPTUNA:
        study, about, *_ = [*start.split(b"\n"), b"", b""]
        return b'"study_name"' in study and b'"user_attr"' in about and b'"command"' in about
    if path.suffix == ".csv":
        return start.startswith(",".join(FIRST).encode())
    return _parquet_columns(path)[: len(FIRST)] == FIRST


BEGINNING = 4096
"""Bytes of a file that are read to tell whether it is one of trials."""


def _parquet_columns(path: Path) -> tuple[str, ...]:
    """Return the names of the columns; none for a file of another format. Raises UserError without the extra that reads it."""
    pyarrow = _pyarrow()
    try:
        return tuple(pyarrow.parquet.read_schema(path).names)
    except (pyarrow.ArrowException, OSError):
        return ()

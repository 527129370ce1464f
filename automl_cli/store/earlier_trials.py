"""Reads the trials of an earlier run that another search is told first, and writes them at the head of its journal.

A run offers what it took over itself, then its own trials that say something of their genotype: measured ones, and those that
diverged. Trials that took another's outcome, or failed for a reason of the machine, are left out. The first n in the order in
which they ended are the same however far the run has gone on since.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from automl_cli.core.errors import ArtifactError
from automl_cli.core.trials import Stage, Status, Trial
from automl_cli.store import encoding
from automl_cli.store.file_names import JOURNAL_FILE
from automl_cli.store.journal import Record, TakenOver, placed_records
from automl_cli.store.ledger import Ledger
from automl_cli.store.study import EarlierRun

SAYING = frozenset({Status.OK, Status.DIVERGED})
"""Statuses that are a property of the genotype."""


def trials_of_run(run: Path) -> tuple[EarlierRun, list[TakenOver]] | None:
    """Return what a run offers so far, and the record of it; None where it has no trial yet."""
    found = list(_offered(run))
    if not found:
        return None
    return EarlierRun(path=str(run.resolve()), trials=len(found), digest=digest_of(_sorted(found))), _sorted(found)


def head_of(runs: Iterable[EarlierRun]) -> list[TakenOver]:
    """Return the records of these runs as they stand at the head of a journal. ArtifactError where a run has changed."""
    records = []
    for run in runs:
        found = _sorted(list(islice(_offered(Path(run.path)), run.trials)))
        if digest_of(found) != run.digest:
            raise ArtifactError(
                f"{run.path} has no longer the {run.trials:,} trials that were to be told first; give its journal back, or "
                "leave --start-from out"
            )
        records += found
    return records


def digest_of(records: Sequence[TakenOver]) -> str:
    """Return the digest of the lines of these records."""
    return hashlib.sha256(head_bytes(records)).hexdigest()


def head_bytes(records: Iterable[TakenOver]) -> bytes:
    """Return the lines of these records."""
    return b"".join(map(encoding.line, records))


def _offered(run: Path) -> Iterator[TakenOver]:
    """Yield what a run offers, in the order in which it came."""
    ledger = Ledger()
    for place, record in placed_records(run / JOURNAL_FILE):
        if isinstance(record, TakenOver):
            yield record
        elif (trial := ledger.take(record, place)) is not None and _says_something(trial):
            outcome = msgspec.structs.replace(trial.outcome, seconds=0.0, worker="")
            yield TakenOver(run=run.resolve().name, trial=trial.number, genotype=trial.task.genotype, outcome=outcome)


def _says_something(trial: Trial) -> bool:
    return trial.task.stage is Stage.SEARCH and trial.reused is None and trial.outcome.status in SAYING


def _sorted(records: list[TakenOver]) -> list[TakenOver]:
    """Return the records by run, in the order of the runs, and by trial."""
    runs = list(dict.fromkeys(record.run for record in records))
    return sorted(records, key=lambda record: (runs.index(record.run), record.trial))


def split_head(records: Iterable[Record]) -> tuple[list[TakenOver], Iterator[Record]]:
    """Return what was taken over, and the records behind it."""
    rest, head = iter(records), list[TakenOver]()
    for record in rest:
        if not isinstance(record, TakenOver):
            return head, _chained(record, rest)
        head.append(record)
    return head, rest


def _chained(first: Record, rest: Iterator[Record]) -> Iterator[Record]:
    yield first
    yield from rest


def check_head(place: str, head: Sequence[TakenOver], runs: Sequence[EarlierRun]) -> None:
    """Raise ArtifactError unless these are the records that the settings of the study name."""
    at = 0
    for run in runs:
        if digest_of(head[at : at + run.trials]) != run.digest:
            raise ArtifactError(
                f"{place}: what was taken over from {run.path} is not what study.json says: {run.trials:,} trials at its "
                "head. It was cut or changed by hand; bring it back from a copy, or start a new run"
            )
        at += run.trials
    if at != len(head):
        raise ArtifactError(f"{place}: {len(head):,} trials were taken over, and study.json names {at:,}")

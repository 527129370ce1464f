"""The journal of a run: one JSON record per line, append-only, one writer.

    taken-over  a trial of an earlier run, which the strategy is told first; written when the run is made
    started     a session begins
    asked       a trial was proposed; written before its child starts
    told        how a trial ended; written on arrival, before the strategy learns of it
    at-rung, promoted  how far a trial was trained (`rung_records`), where children are stopped early
    ended       a session ended in good order

Every record reaches the operating system at once, so killing the process loses nothing; it is flushed to the disk with others
(group commit), and before `best.json` names a trial. What is left of a record that was being written when the machine died is
cut and kept aside. A record ends with a checksum of its line, so that one that was damaged since is an error and never another
result; a line without one, as earlier versions wrote them, is taken as it is. Any byte prefix of a journal is a journal, but
for what was taken over: a run has all of that or is none.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import ArtifactError, RunFailed
from automl_cli.core.trials import Outcome, Proposal, Stage, Task
from automl_cli.store import encoding
from automl_cli.store.file_names import TORN_JOURNAL
from automl_cli.store.files import cannot_write, replace_file
from automl_cli.store.rung_records import AtRung, Promoted

GROUP_COMMIT_SECONDS = 0.25
"""At most this much of a burst of records waits for the disk."""


class _Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record"):
    pass


TrainingKey = tuple[Stage, int, int]
"""A stage, a trial of it, and the replicate of a training after the search; of a trial of the search 0."""


class Started(_Record, frozen=True, tag="started"):
    """A session begins. `at` is in seconds since 1970."""

    at: float
    executor: str
    workers: int


class TakenOver(_Record, frozen=True, tag="taken-over"):
    """A trial of an earlier run, measured as those of this study are. It is none of its trials and never names the winner."""

    run: str
    trial: int
    genotype: Genotype
    outcome: Outcome


class Asked(_Record, frozen=True, tag="asked"):
    """A trial was proposed. A `replicate` above 0 measures a genotype again, on its seed of that number."""

    trial: int
    stage: Stage
    genotype: Genotype
    log_probability: float | None
    seed: int
    epochs: int
    replicate: int = 0

    @property
    def key(self) -> "TrainingKey":
        """Return what tells this record from all others of the journal."""
        return (self.stage, self.trial, 0 if self.stage is Stage.SEARCH else self.replicate)

    @property
    def task(self) -> Task:
        """Return the task that was asked for."""
        return Task(self.trial, self.genotype, self.seed, self.epochs, self.stage)

    @property
    def proposal(self) -> Proposal:
        """Return the proposal as the strategy made it."""
        return Proposal(self.genotype, self.log_probability, self.replicate)


class Told(_Record, frozen=True, tag="told", omit_defaults=True):
    """End of a trial, `elapsed` seconds into the session. `reused` is the earlier trial that it took its outcome from;
    `replicate` is that of a training after the search, 0 for a trial of the search."""

    trial: int
    stage: Stage
    outcome: Outcome
    reused: int | None
    elapsed: float
    replicate: int = 0


class Ended(_Record, frozen=True, tag="ended"):
    """A session ended, `elapsed` seconds after it started. A killed one leaves no such record."""

    reason: Literal["finished", "interrupted", "time-budget", "failed"]
    elapsed: float


Record = TakenOver | Started | Asked | AtRung | Promoted | Told | Ended


class Journal:
    """Writes the journal of a run or a training, as its only writer. The caller holds the lock of the directory. `clock` tells
    when the disk is due."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        check_regular(path)
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise cannot_write(path, error) from error
        self._size = os.fstat(self._descriptor).st_size
        self._synced_size = self._size
        self._synced_at = clock()

    def append(self, record: Struct) -> None:
        """Add one record. RunFailed, with the file as it was before, when the disk is full."""
        data = encoding.record_line(record)
        try:
            self._write(data)
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            raise self._failure(error) from error
        self._size += len(data)
        if self._clock() - self._synced_at >= GROUP_COMMIT_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Make every record durable."""
        if self._synced_size != self._size:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                raise self._failure(error) from error
            self._synced_size = self._size
        self._synced_at = self._clock()

    def close(self) -> None:
        """Make every record durable and let go of the file."""
        if self._descriptor >= 0:
            try:
                self.sync()
            finally:
                os.close(self._descriptor)
                self._descriptor = -1

    def _write(self, data: bytes) -> None:
        written = 0
        while written < len(data):
            step = os.write(self._descriptor, data[written:])
            if step == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written += step

    def _failure(self, error: OSError) -> RunFailed:
        return RunFailed(f"{cannot_write(self.path, error)}. The journal is whole: mend that, then continue with --resume")


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of a journal. A torn last line is passed over, so the journal may be one that is being written.

    Raises ArtifactError naming `file:line` for a line that is not a record.
    """
    return (record for _, record in placed_records(path))


def placed_records(path: Path) -> Iterator[tuple[str, Record]]:
    """Yield the records of a journal, each behind its `file:line`. A torn last line is passed over."""
    return placed(path, Record)


def placed(path: Path, kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield the records of a journal whose records are of this kind, as `placed_records` does."""
    for number, (line, last) in enumerate(_lines(path), start=1):
        place = f"{path}:{number}"
        if last and _is_torn(line, place):
            return
        yield place, encoding.decode_record(line, kind, place)


def cut_torn_tail(path: Path) -> Path | None:
    """Cut what is left of a record that was being written when the machine died, and keep it beside the journal.

    Returns the file it was put into, or None when the journal is whole. The caller holds the lock of the run directory.
    """
    whole, tail = 0, b""
    for number, (line, last) in enumerate(_lines(path), start=1):
        if last and _is_torn(line, f"{path}:{number}"):
            tail = line
        else:
            whole += len(line)
    if not tail:
        return None
    aside = next(name for n in range(1, 10**6) if not (name := path.with_name(f"{TORN_JOURNAL}{n}")).exists())
    replace_file(aside, tail)
    with path.open("rb+") as file:
        file.truncate(whole)
        os.fsync(file.fileno())
    return aside


def check_regular(path: Path) -> None:
    """Check that a journal is a regular file, if it is there: opening a pipe would wait for ever. Raises ArtifactError."""
    if path.exists() and not path.is_file():
        raise ArtifactError(f"{path} is no regular file, so it is no journal; move it away, or put the journal back")


def _lines(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Yield every line with its line end, and whether it is the last."""
    check_regular(path)
    try:
        with path.open("rb") as file:
            before = file.readline()
            while before:
                line = file.readline()
                yield before, not line
                before = line
    except FileNotFoundError:
        return


def _is_torn(line: bytes, place: str) -> bool:
    """Return whether the last line is the start of a record: its end is missing, or a crash left bytes there that are not
    JSON."""
    if not line.endswith(b"\n"):
        return True
    try:
        encoding.parse(line, place)
    except ArtifactError:
        return True
    return False

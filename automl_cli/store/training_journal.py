"""The journal of a training: one JSON record per line, written and read as that of a search (`store.journal`).

    began     a session begins, from a checkpoint after so many epochs
    trained   an epoch was trained
    ended     a session ended in good order; a killed one leaves no such record

A killed session may have trained epochs that its checkpoint does not hold. The next one trains them again, to the same losses
and scores, so these stand on record twice: the later record counts. Losses and scores are the same bits however often a
training was interrupted; seconds are not, and stand here and in no artifact.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from automl_cli.core.errors import ArtifactError
from automl_cli.core.numbers import counted
from automl_cli.store.journal import Ended, placed

Epochs = Annotated[int, Meta(ge=0)]


class SessionBegan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record", tag="began"):
    """A session begins after `epochs` epochs, which it does not train again. `at` is in seconds since 1970."""

    at: float
    epochs: Epochs


class EpochTrained(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record", tag="trained"):
    """An epoch was trained, the first one is 1: its mean loss, the validation score after it, and the seconds of the session so
    far."""

    epoch: Annotated[int, Meta(ge=1)]
    loss: float
    score: float
    elapsed: float


TrainingRecord = SessionBegan | EpochTrained | Ended


class TrainingCourse:
    """The course of a training, taken record by record: losses and scores of its epochs, and the seconds of all sessions."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.scores: list[float] = []
        self.sessions = 0
        self.ended: Literal["finished", "interrupted", "time-budget", "failed"] | None = None
        """The end of the last session; None while it has not ended, and when it was killed."""
        self.began_with = 0
        """The epochs that the last session did not train itself."""
        self.began_at = 0.0
        """The time when it began, in seconds since 1970."""
        self.session_seconds = 0.0
        """The seconds of the last session, up to its last record."""
        self._earlier_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Return the seconds of all sessions. A killed one counts up to its last record."""
        return self._earlier_seconds + self.session_seconds

    def take(self, record: TrainingRecord, place: str) -> None:
        """Take a record. Raises ArtifactError, naming `file:line`, for one that cannot stand there."""
        match record:
            case SessionBegan():
                self._begin(record, place)
            case EpochTrained():
                self._train(record, place)
            case Ended():
                self.ended, self.session_seconds = record.reason, record.elapsed

    def _begin(self, record: SessionBegan, place: str) -> None:
        if record.epochs > len(self.losses):
            known = counted(len(self.losses), "epoch")
            raise ArtifactError(f"{place}: a session begins after epoch {record.epochs}, and {known} are on record")
        del self.losses[record.epochs :]
        del self.scores[record.epochs :]
        self._earlier_seconds += self.session_seconds
        self.session_seconds, self.ended = 0.0, None
        self.began_with, self.began_at = record.epochs, record.at
        self.sessions += 1

    def _train(self, record: EpochTrained, place: str) -> None:
        if not self.sessions or self.ended is not None:
            raise ArtifactError(f"{place}: epoch {record.epoch} was trained in no session")
        if record.epoch != len(self.losses) + 1:
            raise ArtifactError(f"{place}: epoch {record.epoch} was trained where epoch {len(self.losses) + 1} comes next")
        self.losses.append(record.loss)
        self.scores.append(record.score)
        self.session_seconds = record.elapsed


def read_course(path: Path) -> TrainingCourse:
    """Return the course on record in a journal, which may be one that is being written; an empty one where there is none."""
    course = TrainingCourse()
    for place, record in _records(path):
        course.take(record, place)
    return course


def _records(path: Path) -> Iterator[tuple[str, TrainingRecord]]:
    return placed(path, TrainingRecord)

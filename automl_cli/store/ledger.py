"""The trials of a journal, put together from its records."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from automl_cli.core.errors import ArtifactError
from automl_cli.core.trials import Outcome, Stage, Trial
from automl_cli.store.journal import Asked, Record, Told, TrainingKey, placed_records
from automl_cli.store.rung_records import Promoted


class Ledger:
    """The trials of a journal, taken record by record. In each stage a trial, or a replicate of one that is trained after the
    search, is asked once and then told once.

    Raises ArtifactError naming `file:line` for a record that cannot stand there.
    """

    def __init__(self) -> None:
        self.open: dict[TrainingKey, Asked] = {}
        """Asked and not told."""
        self.trials: dict[TrainingKey, Trial] = {}
        """Told, in the order in which their outcomes arrived."""
        self._next = 0

    @property
    def outcomes(self) -> dict[TrainingKey, Outcome]:
        """The outcomes of all that was told."""
        return {key: trial.outcome for key, trial in self.trials.items()}

    def ask(self, record: Asked, place: str) -> None:
        """Take the record of a trial that was proposed: the next one of the search, or one of its candidates again."""
        key = record.key
        if key in self.open or key in self.trials:
            raise ArtifactError(f"{place}: trial {record.trial} of the {record.stage} was asked before")
        if record.stage is Stage.SEARCH and record.trial != self._next:
            raise ArtifactError(f"{place}: trial {record.trial} was asked where trial {self._next} comes next")
        self._next += record.stage is Stage.SEARCH
        self.open[key] = record

    def promote(self, record: Promoted, place: str) -> None:
        """Take the record of a trial that is trained for longer."""
        key = (Stage.SEARCH, record.trial, 0)
        if (asked := self.open.get(key)) is None:
            raise ArtifactError(f"{place}: trial {record.trial} was promoted, and is not under way")
        self.open[key] = msgspec.structs.replace(asked, epochs=record.epochs, seed=record.seed)

    def tell(self, record: Told, place: str) -> Trial:
        """Take the record of a trial that ended, and return the trial. Its task is the last training of it, or of the trial
        whose outcome it took."""
        key = (record.stage, record.trial, record.replicate)
        if (asked := self.open.pop(key, None)) is None:
            problem = "was told before" if key in self.trials else "was told but never asked"
            raise ArtifactError(f"{place}: trial {record.trial} of the {record.stage} {problem}")
        task, earlier = asked.task, None if record.reused is None else self.trials.get((record.stage, record.reused, 0))
        if earlier is not None and earlier.task.epochs != task.epochs:
            task = msgspec.structs.replace(task, epochs=earlier.task.epochs, seed=earlier.task.seed)
        self.trials[key] = Trial(task, asked.proposal, record.outcome, record.reused)
        return self.trials[key]

    def take(self, record: Record, place: str) -> Trial | None:
        """Take any record, and return the trial that ended by it, if one did."""
        match record:
            case Asked():
                self.ask(record, place)
            case Promoted():
                self.promote(record, place)
            case Told():
                return self.tell(record, place)
        return None


def read_trials(path: Path) -> Iterator[Trial]:
    """Yield the finished trials of a journal, in the order in which their outcomes arrived."""
    return trials_of(placed_records(path))


def trials_of(placed: Iterable[tuple[str, Record]]) -> Iterator[Trial]:
    """Yield the finished trials of these records, in the order in which their outcomes arrived."""
    ledger = Ledger()
    for place, record in placed:
        if (trial := ledger.take(record, place)) is not None:
            yield trial

"""What a search comes to, so that two of them can be compared."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from automl_cli.core.trials import Outcome, Stage
from automl_cli.store.journal import Told, read_records
from automl_cli.store.run_layout import runs_in

Key = tuple[Stage, int]


class Ending(NamedTuple):
    """What a search comes to: the bytes of `best.json`, and how each trial ended, without seconds and places."""

    best: bytes
    told: dict[Key, tuple[Outcome, int | None]]


def ending(run: Path) -> Ending:
    """Return what a finished run came to. Every trial must have been told once."""
    told: dict[Key, tuple[Outcome, int | None]] = {}
    for record in read_records(run / "journal.jsonl"):
        if isinstance(record, Told):
            assert (record.stage, record.trial) not in told, f"{run}: trial {record.trial} was told twice"
            outcome = msgspec.structs.replace(record.outcome, seconds=0.0, worker="")
            told[record.stage, record.trial] = outcome, record.reused
    return Ending((run / "best.json").read_bytes(), told)


def endings(run: Path) -> dict[str, Ending]:
    """Return what a search came to, or each of its repeats."""
    return {str(path.relative_to(run)): ending(path) for path in runs_in(run)}

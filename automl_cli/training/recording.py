"""Keep the journal of a training: its losses, its scores, and the time that it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from automl_cli.core.errors import RunFailed
from automl_cli.store.file_names import JOURNAL_FILE
from automl_cli.store.journal import Ended, Journal, cut_torn_tail
from automl_cli.store.training_journal import EpochTrained, SessionBegan, read_course

if TYPE_CHECKING:
    from automl_cli.nn.fit import TrainingProgress


class TrainingRecorder:
    """Writes one session of a training into its journal. The caller holds the directory."""

    def __init__(self, directory: Path, progress: TrainingProgress | None) -> None:
        path = directory / JOURNAL_FILE
        losses, scores = (progress.losses, progress.scores) if progress else ((), ())
        cut_torn_tail(path)
        known = min(len(read_course(path).losses), len(losses))
        self._journal = Journal(path)
        self._began = time.monotonic()
        self._journal.append(SessionBegan(at=time.time(), epochs=known))
        for epoch in range(known + 1, len(losses) + 1):  # the checkpoint knows what the disk lost of the journal
            self._append(epoch, losses, scores, elapsed=0.0)

    def epoch(self, losses: tuple[float, ...], scores: tuple[float, ...]) -> None:
        """Record the last epoch of these."""
        self._append(len(losses), losses, scores, elapsed=time.monotonic() - self._began)

    def end(self, reason: Literal["finished", "interrupted", "failed"]) -> None:
        """Record the end of the session, and let go of the journal."""
        try:
            self._journal.append(Ended(reason=reason, elapsed=time.monotonic() - self._began))
        finally:
            self._journal.close()

    def close(self) -> None:
        """Let go of the journal of a session that did not end in good order."""
        self._journal.close()

    def _append(self, epoch: int, losses: tuple[float, ...], scores: tuple[float, ...], *, elapsed: float) -> None:
        record = EpochTrained(epoch=epoch, loss=losses[epoch - 1], score=scores[epoch - 1], elapsed=elapsed)
        self._journal.append(record)


@contextmanager
def recording(directory: Path, progress: TrainingProgress | None) -> Iterator[TrainingRecorder]:
    """Record a session that goes on from this progress. Its end is recorded as what ends the context.

    An error of the training is passed on, also where the disk has no room to record it.
    """
    recorder = TrainingRecorder(directory, progress)
    try:
        yield recorder
    except KeyboardInterrupt:
        _end(recorder, "interrupted")
        raise
    except Exception:
        _end(recorder, "failed")
        raise
    except BaseException:
        with suppress(RunFailed):
            recorder.close()
        raise
    recorder.end("finished")


def _end(recorder: TrainingRecorder, reason: Literal["interrupted", "failed"]) -> None:
    with suppress(RunFailed):
        recorder.end(reason)

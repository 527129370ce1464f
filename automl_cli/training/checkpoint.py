"""Keep the progress of a training on disk, so that a killed one continues with the same bits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.core.errors import ArtifactError
from automl_cli.store.files import file_digest
from automl_cli.store.weights import read_arrays, write_arrays

if TYPE_CHECKING:
    import numpy as np

    from automl_cli.nn.fit import TrainingProgress

SECONDS_BETWEEN_CHECKPOINTS = 5.0
"""At most the epoch under way, and this many seconds of epochs before it, are lost; a training whose epochs take milliseconds
does not write after each."""

OWN = ("progress.losses", "progress.scores", "progress.settings")
"""Arrays of the file that are not the state of the training."""


class Checkpoint:
    """A file that is replaced in one step, bound to the settings of its training by their digest."""

    def __init__(self, path: Path, settings: Path, *, every_seconds: float = SECONDS_BETWEEN_CHECKPOINTS) -> None:
        self.path = path
        self._digest = bytes.fromhex(file_digest(settings))
        self._every = every_seconds
        self._written_at = time.monotonic()

    def read(self) -> TrainingProgress | None:
        """Return the progress on record, or None where there is none yet."""
        from automl_cli.nn.fit import TrainingProgress

        if not self.path.exists():
            return None
        arrays = self._arrays()
        return TrainingProgress(*_figures(arrays), {name: array for name, array in arrays.items() if name not in OWN})

    def figures(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the losses and scores of the epochs that the file holds. Raises ArtifactError where it is not sound, or that
        of another training."""
        return _figures(self._arrays())

    def after_epoch(
        self,
        losses: tuple[float, ...],
        scores: tuple[float, ...],
        arrays: Callable[[], Mapping[str, np.ndarray]],
        *,
        last: bool,
    ) -> None:
        """Write the progress if enough time has passed since the last time, and after the last epoch."""
        if last or time.monotonic() - self._written_at >= self._every:
            self._write(losses, scores, arrays())
            self._written_at = time.monotonic()

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = read_arrays(self.path)
        if not set(OWN) <= set(arrays) or arrays["progress.settings"].tobytes() != self._digest:
            raise ArtifactError(f"{self.path}: belongs to another training; start this one again with --overwrite")
        return arrays

    def remove(self) -> None:
        """Remove the file, at the end of the training."""
        self.path.unlink(missing_ok=True)

    def _write(self, losses: tuple[float, ...], scores: tuple[float, ...], arrays: Mapping[str, np.ndarray]) -> None:
        import numpy as np

        own = (np.array(losses), np.array(scores), np.frombuffer(self._digest, np.uint8))
        write_arrays(self.path, {**arrays, **dict(zip(OWN, own, strict=True))})


def _figures(arrays: Mapping[str, np.ndarray]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    losses, scores = (tuple(map(float, arrays[name])) for name in OWN[:2])
    return losses, scores

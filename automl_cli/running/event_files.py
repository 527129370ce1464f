"""Writes the course of a search or a training as event files, which TensorBoard shows: `--tensorboard`.

TensorBoard's own writer is used, which needs no TensorFlow. A resumed search or training adds a file, whose steps go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.core.errors import UserError
from automl_cli.store.file_names import EVENTS

if TYPE_CHECKING:
    from automl_cli.core.rewards import Reward
    from automl_cli.study.loop import SearchProgress

Scalars = Callable[[int, Mapping[str, float]], None]
"""A function of a step and of curves by name, with their values there."""


def check_event_files() -> None:
    """Raise UserError where TensorBoard's writer is not installed, so that it is said before the work."""
    if find_spec("tensorboard") is None:
        raise UserError("--tensorboard needs another package: pip install 'automl-cli[tensorboard]'")


@contextmanager
def event_file(run: Path) -> Iterator[Scalars]:
    """Open an event file in the directory of a run while the context lasts, and yield the function that adds to it."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(run / EVENTS))

    def add(step: int, values: Mapping[str, float]) -> None:
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
        writer.add_event(Event(step=step, wall_time=time.time(), summary=summary))

    try:
        yield add
    finally:
        writer.close()


def search_curves(reward: Reward, add: Scalars) -> Callable[[SearchProgress], None]:
    """Return a function of a search's progress that adds the curves of every trial, by its number."""

    def tell(progress: SearchProgress) -> None:
        if (trial := progress.last) is None:
            return
        values = {"trial/seconds": trial.outcome.seconds}
        if (measured := trial.outcome.measurement) is not None:
            values |= {"trial/score": reward.score(measured), "trial/reward": reward.of(measured)}
            values |= {f"metric/{name}": float(value) for name, value in measured.metrics.items()}
        if progress.best is not None and (best := progress.best.outcome.measurement) is not None:
            values["search/best"] = reward.score(best)
        add(trial.number, values)

    return tell


def training_curves(add: Scalars) -> Callable[[tuple[float, ...], tuple[float, ...]], None]:
    """Return a function of the losses and scores of all epochs so far that adds those of the last one, by its number."""

    def tell(losses: tuple[float, ...], scores: tuple[float, ...]) -> None:
        add(len(losses), {"loss": losses[-1], "score": scores[-1]})

    return tell

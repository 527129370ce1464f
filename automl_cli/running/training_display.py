"""Shows a running training: a live display in a terminal or a notebook, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from automl_cli.core.numbers import duration
from automl_cli.running.search_display import PLAIN_SECONDS
from automl_cli.training.run import TrainingObserver

if TYPE_CHECKING:
    from rich.console import Console


class TrainingFigures:
    """The figures of a training so far: epoch, loss, score, and the time left at the rate of this session."""

    def __init__(self, epochs: int, *, unseen: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.epochs = epochs
        self.finished = 0
        self._score_name = "validation" if unseen else "seen examples"
        self._clock = clock
        self._began = clock()
        self._finished_before: int | None = None
        self._text = "compiling"

    def prepared(self, done: int, total: int) -> None:
        """Take in how many images of all are prepared. Preparing them does not count as training time."""
        self._text = f"preparing images {done:,}/{total:,}" if done < total else "compiling"
        self._began = self._clock()

    def epoch(self, losses: tuple[float, ...], scores: tuple[float, ...]) -> None:
        """Take in the losses and scores of all epochs so far."""
        if self._finished_before is None:
            self._finished_before = len(losses) - 1
        self.finished = len(losses)
        each = (self._clock() - self._began) / (self.finished - self._finished_before)
        left = each * (self.epochs - self.finished)
        score = f"{self._score_name} {scores[-1]:.4f}"
        self._text = f"epoch {self.finished}/{self.epochs} · loss {losses[-1]:.4f} · {score} · {duration(left)} left"

    def line(self) -> str:
        """Return all figures on one line."""
        return self._text


@contextmanager
def shown(console: "Console", *, epochs: int, unseen: bool, quiet: bool = False) -> Iterator[TrainingObserver]:
    """Show a training of so many epochs while the context lasts. Yields the observer to give to the training.

    `unseen` says whether the scored examples are kept out of the training: only then is the score a validation.
    """
    figures = TrainingFigures(epochs, unseen=unseen)
    if quiet:
        yield TrainingObserver()
    elif console.is_jupyter:
        with _in_notebook(figures) as observer:
            yield observer
    elif console.is_terminal and not console.is_dumb_terminal:
        with _live(console, figures):
            yield TrainingObserver(figures.prepared, figures.epoch)
    else:
        yield _plain(console, figures)


@contextmanager
def _in_notebook(figures: TrainingFigures) -> Iterator[TrainingObserver]:
    """Yield an observer that keeps a bar in the output of the cell up to date."""
    from automl_cli.running.notebook_display import in_cell

    with in_cell(lambda: (figures.finished / figures.epochs, figures.line())) as refresh:

        def prepared(done: int, total: int) -> None:
            figures.prepared(done, total)
            refresh()

        def epoch(losses: tuple[float, ...], scores: tuple[float, ...]) -> None:
            figures.epoch(losses, scores)
            refresh()

        yield TrainingObserver(prepared, epoch)


@contextmanager
def _live(console: "Console", figures: TrainingFigures) -> Iterator[None]:
    from rich.console import Group
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    def panel() -> Group:
        bar = ProgressBar(total=figures.epochs, completed=figures.finished, width=40)
        return Group(Text(figures.line()), bar)  # the bar ends no line

    with Live(get_renderable=panel, console=console, refresh_per_second=4, transient=True):
        yield


def _plain(console: "Console", figures: TrainingFigures) -> TrainingObserver:
    """Return an observer that prints a line now and then, and after the last epoch."""
    said_at = time.monotonic()

    def say(*, last: bool) -> None:
        nonlocal said_at
        if last or time.monotonic() - said_at >= PLAIN_SECONDS:
            console.print(figures.line(), soft_wrap=True)
            said_at = time.monotonic()

    def prepared(done: int, total: int) -> None:
        figures.prepared(done, total)
        say(last=False)

    def epoch(losses: tuple[float, ...], scores: tuple[float, ...]) -> None:
        figures.epoch(losses, scores)
        say(last=figures.finished == figures.epochs)

    return TrainingObserver(prepared, epoch)

"""Shows a running search: a live display in a terminal or a notebook, a line now and then elsewhere."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, TextIO

from automl_cli.core.errors import UserError
from automl_cli.core.numbers import duration
from automl_cli.core.trials import Measurement, Stage, Status, Trial
from automl_cli.core.visible_text import visible
from automl_cli.running.talk import Talk

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from automl_cli.study.loop import SearchProgress

PLAIN_SECONDS = 15.0
"""The least time between two lines without a terminal."""


Score = Callable[[Measurement], float]
"""The validation score of a measurement, as the reward of the study reads it."""


_STAGES = {Stage.SEARCH: "trial", Stage.RETRAIN: "retraining", Stage.BASELINE: "comparing"}
"""What is under way, in words."""


class SearchFigures:
    """The figures of a search so far, as the display shows them: best, recent mean, rate, time left, endings."""

    def __init__(self, window: int, *, score: Score, clock: Callable[[], float] = time.monotonic) -> None:
        self.progress: SearchProgress | None = None
        self._score = score
        self._clock = clock
        self._scores: deque[float] = deque(maxlen=window)
        self._stage_started = clock()
        self._finished_before = 0

    def update(self, progress: "SearchProgress") -> None:
        """Take in the progress that the study reports."""
        if self.progress is None or progress.stage is not self.progress.stage:
            self._stage_started, self._finished_before = self._clock(), progress.finished
        self.progress = progress
        if progress.last is not None and (measurement := progress.last.outcome.measurement) is not None:
            self._scores.append(self._score(measurement))

    @property
    def recent_mean(self) -> float | None:
        """The mean score of the last trials, as many as there are in flight."""
        return sum(self._scores) / len(self._scores) if self._scores else None

    @property
    def per_minute(self) -> float | None:
        """The trials ended per minute in this session and stage, or None before the first."""
        seconds = self._clock() - self._stage_started
        done = 0 if self.progress is None else self.progress.finished - self._finished_before
        return 60 * done / seconds if done and seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """The estimated seconds to the end of this stage, at the rate so far."""
        if self.progress is None or not (rate := self.per_minute):
            return None
        return 60 * (self.progress.planned - self.progress.finished) / rate

    def course(self) -> str:
        """Return progress, rate and time left in words."""
        if self.progress is None:
            return "starting"
        what = _STAGES[self.progress.stage]
        parts = [f"{what} {self.progress.finished}/{self.progress.planned}"]
        if (rate := self.per_minute) is not None:
            parts.append(f"{rate:,.0f}/min" if rate >= 10 else f"{rate:.1f}/min")
        if left := self.seconds_left:
            parts.append(f"{duration(left)} left")
        return " · ".join(parts)

    def scores(self) -> str:
        """Return the best score, the mean of the last ones, and the counts of trials without a score, in words."""
        parts = []
        best = None if self.progress is None else self.progress.best
        if best is not None and best.outcome.measurement is not None:
            every = [one.outcome.measurement for one in (best, *best.replicates)]
            score = fmean(self._score(measurement) for measurement in every if measurement is not None)
            parts.append(f"best {score:.4f} (trial {best.number})")
        if self.recent_mean is not None:
            how_many = f"mean of last {len(self._scores)}" if len(self._scores) > 1 else "last"
            parts.append(f"{how_many} {self.recent_mean:.4f}")
        endings = {} if self.progress is None else self.progress.endings
        parts += [f"{count:,} {ending}" for ending, count in endings.items() if ending != Status.OK]
        return " · ".join(parts)

    def line(self) -> str:
        """Return all figures on one line."""
        return " · ".join(part for part in (self.course(), self.scores()) if part)

    def bar(self) -> tuple[float, str]:
        """Return the share of the stage that is done, and all figures on one line."""
        return (self.progress.finished / self.progress.planned if self.progress else 0.0), self.line()


def trial_line(trial: Trial, score: Score) -> str:
    """Return one trial on one line."""
    outcome = trial.outcome
    result = f"{score(outcome.measurement):.4f}" if outcome.measurement is not None else outcome.message
    how = f"reused from trial {trial.reused}" if trial.reused is not None else duration(outcome.seconds)
    return f"trial {trial.number}: {outcome.ending}, {how}, {result}"


Tellers = list[Callable[["SearchProgress"], None]]
"""The functions that are told each progress, in order."""


@contextmanager
def showing(
    talk: Talk, *, window: int, score: Score, also: Tellers | None = None
) -> Iterator[Callable[["SearchProgress"], None]]:
    """Show a study while the context lasts. Yields the function to call with each progress, which is told to `also` first."""
    figures = SearchFigures(window, score=score)
    tellers: Tellers = [*(also or ()), figures.update]
    with _log(talk, tellers, score), _shown(talk, figures, tellers, score):
        yield _all(tellers)


@contextmanager
def _shown(talk: Talk, figures: SearchFigures, tellers: "Tellers", score: Score) -> Iterator[None]:
    """Show the figures while the context lasts, in the way that suits the place."""
    if talk.quiet:
        yield
    elif talk.console.is_jupyter:
        from automl_cli.running.notebook_display import in_cell

        with in_cell(figures.bar) as refresh:
            tellers.append(lambda progress: refresh())
            if talk.verbose:
                tellers.append(lambda progress: talk.say(trial_line(progress.last, score)) if progress.last else None)
            yield
    elif talk.console.is_terminal and not talk.console.is_dumb_terminal:
        with _live(talk.console, figures, tellers, score, verbose=talk.verbose):
            yield
    else:
        tellers.append(_plain(talk.console, figures, score, verbose=talk.verbose))
        yield


def _all(tellers: "Tellers") -> "Callable[[SearchProgress], None]":
    def tell(progress: "SearchProgress") -> None:
        for teller in tellers:
            teller(progress)

    return tell


@contextmanager
def _live(
    console: "Console",
    figures: SearchFigures,
    tellers: "Tellers",
    score: Score,
    *,
    verbose: bool,
) -> Iterator[None]:
    from rich.live import Live

    with Live(get_renderable=lambda: _panel(figures), console=console, refresh_per_second=4, transient=True):
        if verbose:
            tellers.append(lambda progress: console.print(trial_line(progress.last, score)) if progress.last else None)
        yield


def _panel(figures: SearchFigures) -> "RenderableType":
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    progress = figures.progress
    bar = ProgressBar(total=progress.planned if progress else 1, completed=progress.finished if progress else 0, width=30)
    top = Table.grid(padding=(0, 1))
    top.add_row(bar, Text(figures.course()))
    return Group(top, Text(figures.scores()))


def _plain(console: "Console", figures: SearchFigures, score: Score, *, verbose: bool) -> "Callable[[SearchProgress], None]":
    """Return a function that prints a line for every trial, or one now and then and at the end of a stage."""
    last_said = [time.monotonic()]

    def tell(progress: "SearchProgress") -> None:
        if verbose and progress.last is not None:
            console.print(trial_line(progress.last, score), soft_wrap=True)
        due = time.monotonic() - last_said[0] >= PLAIN_SECONDS
        if (due or progress.finished == progress.planned) and (progress.last is not None or progress.stage is not Stage.SEARCH):
            console.print(figures.line(), soft_wrap=True)
            last_said[0] = time.monotonic()

    return tell


def check_one_volume(*, verbose: bool, quiet: bool) -> None:
    """Raise UserError where both much and nothing is to be said."""
    if verbose and quiet:
        raise UserError("--verbose asks for a line for every trial and --quiet for none; give one of them")


def check_log_file(path: Path | None) -> None:
    """Raise UserError where lines cannot be appended to the file. Nothing is made yet."""
    if path is None:
        return
    folder = path.absolute().parent
    if path.is_dir():
        raise UserError(f"--log-file {path} is a directory; name a file")
    if not folder.is_dir():
        raise UserError(f"--log-file {path} cannot be made, since there is no directory {folder}; name a file in one")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UserError(f"--log-file {path} may not be written; name another file")


@contextmanager
def _log(talk: Talk, tellers: "Tellers", score: Score) -> Iterator[None]:
    if (path := talk.log_file) is None:
        yield
        return
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        _warn_of_log(talk, path, error)
        yield
        return
    tellers.append(_writer(file, path, score, talk))
    try:
        yield
    finally:
        with suppress(OSError):  # it was said before
            file.close()


def _writer(file: TextIO, path: Path, score: Score, talk: Talk) -> "Callable[[SearchProgress], None]":
    """Return a function that adds a line for every trial. A log that cannot be written, as on a full disk, ends no search."""
    said = False

    def tell(progress: "SearchProgress") -> None:
        nonlocal said
        if progress.last is None:
            return
        at = datetime.now().astimezone().isoformat(timespec="seconds")
        try:
            file.write(f"{at} {visible(trial_line(progress.last, score), lines=False)}\n")
            file.flush()
        except OSError as error:
            if not said:
                _warn_of_log(talk, path, error)
            said = True

    return tell


def _warn_of_log(talk: Talk, path: Path, error: OSError) -> None:
    talk.warn(f"--log-file {path} cannot be written ({error.strerror or error}); the search goes on without it")

"""Describes runs while they go on, as parts: one in full, several as a table. Only what is new is read each time."""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path

from automl_cli.core.numbers import counted, duration
from automl_cli.reporting.figures import number
from automl_cli.reporting.following import ACTIVE, Followed, followed_in, scaled_of
from automl_cli.reporting.listing import runs_below
from automl_cli.reporting.runs import WRITTEN, is_run
from automl_cli.reporting.sections import BARS, PLAIN_BARS
from automl_cli.reporting.states import state_of
from automl_cli.store.file_names import BEST_FILE, NETWORK_FILE
from automl_cli.store.run_directory import is_held
from automl_cli.values.sheet import Facts, Grid, Heading, Part

BAR_WIDTH = 24
TITLES = ("run", "state", "done", "per min", "left", "best", "last")


class Watched:
    """The runs in some directories, or below them, followed as they go on."""

    def __init__(self, paths: Sequence[Path], *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.runs: list[Followed] = [one for path in paths for run in _runs(path) for one in followed_in(run)]
        for run in self.runs:
            run.refresh()

    @property
    def goes_on(self) -> bool:
        """Return whether something will be added to one of the runs."""
        return any(run.state in ACTIVE for run in self.runs)

    def refresh(self) -> bool:
        """Take in what was added, and return whether anything is new. A run that has ended is not looked at again."""
        new = [run.refresh() for run in self.runs if run.state in ACTIVE]
        return any(new) | self._follow_scaled()

    def parts(self, *, ascii_only: bool = False) -> Iterator[Part]:
        """Yield what is known of the runs now: a table of several, and in full the one that runs, or the only one."""
        shown = self.runs
        if len(self.runs) > 1:
            yield Heading(counted(len(self.runs), "run"), self._states())
            yield Grid(TITLES, tuple(map(_row, self.runs)), words=("state",))
            shown = [run for run in self.runs if run.state == "running"][-1:]
        for run in shown:
            yield Heading(run.name, f"{run.words}: {run.state}")
            yield Facts(tuple(self._facts(run, ascii_only=ascii_only)))
            if (curves := run.curves()) is not None:
                yield curves

    def _follow_scaled(self) -> bool:
        """Follow the training of a scaled winner, which begins when its search has ended."""
        known = {run.path for run in self.runs}
        found = [one for run in self.runs if run.state in ACTIVE for one in scaled_of(run.path) if one.path not in known]
        for training in found:
            training.refresh()
        self.runs += found
        return bool(found)

    def _states(self) -> str:
        states = [run.state for run in self.runs]
        return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))

    def _facts(self, run: Followed, *, ascii_only: bool) -> Iterator[tuple[str, str]]:
        rate, left = _rate(run), _left(run)
        pace = "" if rate is None else f", {60 * rate:.1f} a minute"
        bar = _bar(run.done, run.planned, ascii_only=ascii_only)
        yield run.unit, f"{bar} {run.done:,} of {run.planned:,}{pace}{f', {left} left' if left else ''}"
        yield from run.facts(PLAIN_BARS if ascii_only else BARS)
        if run.course.sessions:
            last = run.course.began_at + run.course.session_seconds
            yield "last record", f"{duration(max(0.0, self._clock() - last))} ago"


def version_of(paths: Sequence[Path]) -> Hashable:
    """Return what changes whenever a file of these runs does, or a process takes them up or leaves them."""
    return tuple((path, is_held(path), tuple(map(_file_version, _files(path)))) for path in _directories(paths))


def still_running(paths: Sequence[Path]) -> bool:
    """Return whether a process is at work on one of these runs, or will be when the repeat before it has ended."""
    return any(state_of(path, began=True, ended=None) in ACTIVE for path in _directories(paths))


def _directories(paths: Sequence[Path]) -> list[Path]:
    return [one.path for path in paths for run in _runs(path) for one in followed_in(run)]


def _files(directory: Path) -> Iterator[Path]:
    return (directory / name for name in (*WRITTEN, BEST_FILE, NETWORK_FILE))


def _file_version(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _runs(path: Path) -> Iterator[Path]:
    """Yield the run in this directory, or else those below it; itself where there is none, which is refused with its name."""
    below = () if is_run(path) else tuple(runs_below(path))
    yield from below or (path,)


def _row(run: Followed) -> tuple[str, ...]:
    """Return one row; the columns are `TITLES`."""
    rate = _rate(run)
    best, last = ("-" if score is None else number(score) for score in (run.best, run.last))
    pace = "-" if rate is None else f"{60 * rate:.1f}"
    return run.name, run.state, f"{run.done:,}/{run.planned:,}", pace, _left(run) or "-", best, last


def _rate(run: Followed) -> float | None:
    """Return how much of its unit this session of a run does in a second, once it has done something."""
    own, seconds = run.done - run.course.began_with, run.course.session_seconds
    return own / seconds if own > 0 and seconds > 0 else None


def _left(run: Followed) -> str:
    """Return the time that is left at the rate of this session; nothing where the run stands still or no rate is known."""
    rate, left = _rate(run), run.planned - run.done
    return duration(left / rate) if rate and left > 0 and run.state == "running" else ""


def _bar(done: int, planned: int, *, ascii_only: bool) -> str:
    """Return a bar of fixed width, filled as far as the work is done.

    >>> _bar(1, 4, ascii_only=True)
    '######..................'
    """
    full, empty = ("#", ".") if ascii_only else ("█", "░")
    filled = min(BAR_WIDTH, BAR_WIDTH * done // max(1, planned))
    return full * filled + empty * (BAR_WIDTH - filled)

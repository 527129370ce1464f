"""Reads run directories as histories. It takes no lock, so a search that is still running can be read as well."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.shell_commands import command_line
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Outcome, Stage, Trial
from automl_cli.plugins.discovery import open_space, plugins
from automl_cli.store.artifact import read_artifact
from automl_cli.store.file_names import COMPARISON_FILE, JOURNAL_FILE, MODEL_FILE, STUDY_FILE, SUB_STUDY, TRAINING_FILE
from automl_cli.store.journal import Ended, Record, Started, Told, TrainingKey, placed_records
from automl_cli.store.ledger import trials_of
from automl_cli.store.run_directory import is_held
from automl_cli.store.run_layout import runs_in
from automl_cli.store.rung_records import AtRung
from automl_cli.store.study import StudySettings

BASELINE = "random"
"""The strategy that the others are measured against."""

RUNS = Path("runs")
"""The folder in which searches put their runs unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class History:
    """One run so far: `trials` of the search by number, `retrained` trials by number and replicate, and what was `made_by_hand`
    and trained by replicate."""

    path: Path
    settings: StudySettings
    trials: tuple[Trial, ...]
    retrained: tuple[Trial, ...]
    made_by_hand: tuple[Trial, ...] = ()
    wall_seconds: float
    running: bool

    @property
    def outcomes_after(self) -> dict[TrainingKey, Outcome]:
        """The outcomes of what was trained after the search."""
        after = (*self.retrained, *self.made_by_hand)
        return {(one.task.stage, one.number, one.proposal.replicate): one.outcome for one in after}

    @property
    def name(self) -> str:
        """The name of the run's directory; for one repeat of several, behind the name of the directory above."""
        return run_name(self.path)


def run_name(path: Path) -> str:
    """Return the name of a run's directory; for one repeat of several, behind the name of the directory above."""
    resolved = path.resolve()
    return f"{resolved.parent.name}/{resolved.name}" if resolved.name.startswith(SUB_STUDY) else resolved.name


def is_run(path: Path) -> bool:
    """Return whether this is the directory of a search, of its repeats, of a training or of a comparison."""
    return bool(runs_in(path)) or any((path / name).is_file() for name in (TRAINING_FILE, COMPARISON_FILE))


def no_run(path: Path) -> str:
    """Return why nothing is read here, and what to give in its place."""
    if path.is_dir():
        return f"{path} is no run directory: it holds no {STUDY_FILE}"
    if not (path.exists() or path.is_symlink()):
        return f"{path} does not exist; give the directory of a run"
    if (run := next(filter(is_run, path.parents), None)) is None:
        return f"{path} is no directory; give the directory of a run"
    return f"{path} is no directory; give that of its run: {command_line('report', run)}"


def newest_run(root: Path = RUNS) -> Path:
    """Return the run under `root` that was written to last, a training or a comparison as well. UserError where there is
    none."""
    found = {path: last_write(path) for path in (root.iterdir() if root.is_dir() else ()) if path.is_dir() and is_run(path)}
    if not found:
        raise UserError(f"there is no run under {root}/; start one with automl search-arch, or name a run directory")
    return max(found, key=lambda path: (found[path], path.name))


def read_history(path: Path) -> History:
    """Return the history of the run in this directory. ArtifactError naming file and line where a file is not sound."""
    study = path / STUDY_FILE
    if not study.is_file():
        raise ArtifactError(no_run(path))
    with _no_search_for_cycles():
        placed = list(placed_records(path / JOURNAL_FILE))
        trials = sorted(trials_of(placed), key=lambda trial: (trial.number, trial.proposal.replicate))
    return History(
        path=path,
        settings=read_artifact(study, StudySettings).body,
        trials=tuple(trial for trial in trials if trial.task.stage is Stage.SEARCH),
        retrained=tuple(trial for trial in trials if trial.task.stage is Stage.RETRAIN),
        made_by_hand=tuple(trial for trial in trials if trial.task.stage is Stage.BASELINE),
        wall_seconds=wall_seconds(record for _, record in placed),
        running=is_held(path),
    )


def settled(trials: Sequence[Trial]) -> int:
    """Return how many trials, from the first, have ended without a gap."""
    return next((number for number, trial in enumerate(trials) if trial.number != number), len(trials))


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Keep Python from looking for reference cycles, which records do not have: for many of them that takes as long as
    reading."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def space_of(settings: StudySettings) -> SearchSpace | None:
    """Return the space, or None for one from a user's file: nothing is imported from a path that a file names."""
    known = settings.space.file is None and settings.space.name in plugins()
    return open_space(settings.space) if known else None


def wall_seconds(records: Iterable[Record]) -> float:
    """Return the seconds that all sessions took together. A killed session counts up to its last record with a time."""
    finished = session = 0.0
    for record in records:
        match record:
            case Started():
                finished += session
                session = 0.0
            case AtRung() | Told() | Ended():
                session = record.elapsed
    return finished + session


def last_write(path: Path) -> float:
    """Return when the run in this directory, or one of its repeats, was written to last, in seconds since 1970."""
    files = [file for run in runs_in(path) or [path] for name in WRITTEN if (file := run / name).is_file()]
    return max((file.stat().st_mtime for file in files), default=0.0)


WRITTEN = (STUDY_FILE, TRAINING_FILE, COMPARISON_FILE, JOURNAL_FILE, MODEL_FILE)
"""The files by which it is told when a run was written to."""

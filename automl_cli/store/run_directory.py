"""The directory of one search or one training: settings first, created whole, held by one process at a time."""

import errno
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import BaseFileLock, Timeout

from automl_cli.core.errors import RunInUse, UserError
from automl_cli.store.artifact import Artifact, artifact_of, read_artifact, write_artifact
from automl_cli.store.earlier_trials import head_bytes, head_of
from automl_cli.store.file_names import BEST_FILE, JOURNAL_FILE, LOCK_FILE, STUDY_FILE, SUB_STUDY
from automl_cli.store.files import ANOTHER_OUT, beside, cannot_write, replace_file, sync_directory
from automl_cli.store.journal import cut_torn_tail
from automl_cli.store.run_layout import SEARCH, DirectoryLayout, clear, foreign_entries, is_empty, is_run
from automl_cli.store.study import StudySettings
from automl_cli.system.locks import is_marker, locked, marker_of

LOCK_PATIENCE_SECONDS = 0.2
"""How long to wait for a lock: a report that asks whether a run is held takes it for a moment."""


class PlaceTaken(UserError):
    """Another run has been made at this place."""


class RunDirectory:
    """A run directory that this process holds until it is closed, made by `create_run` or `open_run`."""

    def __init__(self, path: Path, lock: BaseFileLock, torn_tail: Path | None = None) -> None:
        self.path = path
        self.torn_tail = torn_tail
        """Where the rest of a half-written journal record was put when the run was opened, if there was one."""
        self._lock = lock

    @property
    def has_marker(self) -> bool:
        """Return whether the file system knows no locks, so that a marker keeps other processes away."""
        return is_marker(self._lock)

    @property
    def study_file(self) -> Path:
        """Return the path of `study.json`."""
        return self.path / STUDY_FILE

    @property
    def journal_file(self) -> Path:
        """Return the path of the journal."""
        return self.path / JOURNAL_FILE

    @property
    def best_file(self) -> Path:
        """Return the path of `best.json`."""
        return self.path / BEST_FILE

    def settings(self) -> StudySettings:
        """Return the settings that the search was last started or resumed with."""
        return recorded_settings(self.path)

    def record(self, settings: StudySettings) -> None:
        """Record the settings that changed on resume."""
        if settings != self.settings():
            write_artifact(self.study_file, artifact_of(settings, settings.inputs))

    def close(self) -> None:
        """Release the directory, so that another process may hold it."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def default_run_path(command: str) -> Path:
    """Return `runs/<command>-<timestamp>`, with a number behind it where that exists."""
    base = Path("runs") / f"{command}-{datetime.now():%Y%m%d-%H%M%S}"
    return next(path for n in range(1, 10**6) if not (path := base if n == 1 else base.with_name(f"{base.name}-{n}")).exists())


def check_new_run(path: Path, *, overwrite: bool, layout: DirectoryLayout = SEARCH) -> None:
    """Raise UserError when no new run may be made here. The check is cheap, so commands call it before anything else."""
    if not path.name:
        raise UserError(f"--out is {str(path)!r}, which gives the {layout.noun} no name; give one such as runs/first")
    above = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    for place in (above, path):
        if place.is_symlink() and not place.exists():
            raise UserError(f"{place} is a link to nowhere; make the directory that it names, or choose another --out")
    if not above.is_dir():
        raise UserError(f"{above} is a file, so no {layout.noun} can be made at {path}; choose another --out")
    if not path.exists() or (path.is_dir() and is_empty(path, layout)):
        return
    if not path.is_dir():
        raise UserError(f"{path} is a file; --out names the directory of the {layout.noun}")
    if not is_run(path, layout) and (foreign := foreign_entries(path, layout)):
        raise UserError(f"{path} is not a {layout.noun} directory (it holds {foreign[0].name}); choose another --out")
    if not overwrite and not is_run(path, layout):
        held = ", ".join(sorted(entry.name for entry in path.iterdir()))
        raise PlaceTaken(
            f"{path} is no whole {layout.noun}: {layout.settings} is missing beside {held}. Bring it back from a copy, replace "
            "the rest with --overwrite, or choose another --out"
        )
    if not overwrite:
        raise PlaceTaken(
            f"{path} exists already: continue it with --resume, replace it with --overwrite, or choose another --out"
        )


def create_under_default_name(command: str, create: Callable[[Path], RunDirectory]) -> RunDirectory:
    """Create a run under the default name of a command, with the next number behind it wherever another process is faster."""
    while True:
        with suppress(PlaceTaken):
            return create(default_run_path(command))


def create_run(
    path: Path, settings: Artifact[Any], *, overwrite: bool = False, layout: DirectoryLayout = SEARCH
) -> RunDirectory:
    """Create a run directory and hold it. It exists with its settings or not at all. Raises RunInUse when another process holds
    it."""
    return _created(path, {layout.settings: settings}, overwrite=overwrite, layout=layout)


def create_repeats(path: Path, settings: Mapping[int, Artifact[StudySettings]], *, overwrite: bool = False) -> RunDirectory:
    """Create a directory with a run directory `seed-<s>` for each seed, and hold it; `open_run` then opens each of those."""
    files = {f"{SUB_STUDY}{seed}/{SEARCH.settings}": artifact for seed, artifact in settings.items()}
    return _created(path, files, overwrite=overwrite, layout=SEARCH)


def hold(path: Path) -> RunDirectory:
    """Hold a directory of repeats."""
    return RunDirectory(path, _locked(path))


def _created(path: Path, files: Mapping[str, Artifact[Any]], *, overwrite: bool, layout: DirectoryLayout) -> RunDirectory:
    check_new_run(path, overwrite=overwrite, layout=layout)
    heads = _heads(files)  # of which this run itself may be one, before it is cleared
    if path.is_dir():
        return _filled(path, files, heads, overwrite=overwrite, layout=layout)
    draft = beside(path)
    try:
        _write_all(draft, files, heads)
        draft.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            check_new_run(path, overwrite=overwrite, layout=layout)
        raise cannot_write(path, error, hint=ANOTHER_OUT) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    try:
        return RunDirectory(path, _locked(path))
    except RunInUse:
        raise
    except BaseException:
        clear(path, layout, inside=True)
        with suppress(OSError):
            path.rmdir()
        raise


def _filled(
    path: Path, files: Mapping[str, Artifact[Any]], heads: Mapping[str, bytes], *, overwrite: bool, layout: DirectoryLayout
) -> RunDirectory:
    """Make a run in a directory that is there: a mount point or what a link names stays what it is, and its parent need not be
    writable."""
    run = RunDirectory(path, _locked(path))
    try:
        check_new_run(path, overwrite=overwrite, layout=layout)  # of two processes only one came first
        clear(path, layout)
        _write_all(path, files, heads)
    except BaseException as error:
        run.close()
        if isinstance(error, OSError):
            raise cannot_write(path, error, hint=ANOTHER_OUT) from error
        raise
    return run


def _heads(files: Mapping[str, Artifact[Any]]) -> dict[str, bytes]:
    """Return the heads of the journals of those runs whose strategy is told trials of earlier ones first."""
    bodies = {name: artifact.body for name, artifact in files.items() if isinstance(artifact.body, StudySettings)}
    return {name: head_bytes(head_of(body.taken_over)) for name, body in bodies.items() if body.taken_over}


def _write_all(path: Path, files: Mapping[str, Artifact[Any]], heads: Mapping[str, bytes]) -> None:
    """Write the settings of every run; before them, what its strategy is told first."""
    for name, artifact in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        if name in heads:
            replace_file((path / name).with_name(JOURNAL_FILE), heads[name])
        write_artifact(path / name, artifact)


def open_run(path: Path, *, layout: DirectoryLayout = SEARCH) -> RunDirectory:
    """Hold an existing run directory in order to continue it. Raises RunInUse when another process holds it."""
    check_is_run(path, layout)
    lock = _locked(path)
    return RunDirectory(path, lock, cut_torn_tail(path / JOURNAL_FILE))


def recorded_settings(path: Path) -> StudySettings:
    """Read the settings that the search in this directory was last started or resumed with. The directory need not be held."""
    check_is_run(path, SEARCH)
    return read_artifact(path / SEARCH.settings, StudySettings).body


def is_held(path: Path) -> bool:
    """Return whether a process is at work on the run. A free lock is taken for a moment to find out."""
    if not any(place.is_file() for place in (path / LOCK_FILE, marker_of(path / LOCK_FILE))):
        return False
    try:
        locked(path / LOCK_FILE, patience_seconds=0).release()
    except Timeout:
        return True
    except OSError:
        return False
    return False


def check_is_run(path: Path, layout: DirectoryLayout) -> None:
    """Raise UserError where this directory holds no run, or training, that could be continued."""
    if not is_run(path, layout):
        raise UserError(
            f"there is no {layout.noun} at {path} to resume; start one there without --resume, or name it with --out"
        )


def _locked(path: Path) -> BaseFileLock:
    lock = path / LOCK_FILE
    try:
        return locked(lock, patience_seconds=LOCK_PATIENCE_SECONDS, poll_seconds=LOCK_PATIENCE_SECONDS / 10)
    except Timeout:
        marker = marker_of(lock)
        stale = f" (if none is at work there, on any machine, remove {marker})" if marker.is_file() else ""
        raise RunInUse(f"{path} is in use by another process; wait until it ends, or choose another --out{stale}") from None
    except OSError as error:
        raise cannot_write(path, error, hint=ANOTHER_OUT) from error

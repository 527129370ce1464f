"""The directory of one search: settings, journal, winner; created whole, held by one process at a time."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from automl_cli.core.errors import RunInUse, UserError
from automl_cli.store.artifact import Artifact, read_artifact, write_artifact
from automl_cli.store.bodies import StudySettings
from automl_cli.store.files import cannot_write, sync_directory

LOCK_FILE = "run.lock"
LOCK_PATIENCE_SECONDS = 0.2
"""How long to wait for a lock: a report that asks whether a run is held takes it for a moment."""
OWN_FILES = ("study.json", "journal.jsonl", "journal.torn-*", "best.json", "network.json", "report.html", LOCK_FILE, ".*.tmp")
"""What a run writes into its directory, and all that `--overwrite` removes."""
SUB_STUDIES = "seed-*"
"""Directories of the same form, one per seed of `--repeat`."""


class RunDirectory:
    """A run directory held by this process until it is closed. Made by `create_run` and `open_run`."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock

    @property
    def study_file(self) -> Path:
        return self.path / "study.json"

    @property
    def journal_file(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def best_file(self) -> Path:
        return self.path / "best.json"

    def settings(self) -> StudySettings:
        """What the search was started with."""
        return read_artifact(self.study_file, StudySettings).body

    def close(self) -> None:
        """Let another process have the directory."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def default_run_path(command: str) -> Path:
    """`runs/<command>-<timestamp>`, with a number behind it where that exists."""
    base = Path("runs") / f"{command}-{datetime.now():%Y%m%d-%H%M%S}"
    return next(path for n in range(1, 10**6) if not (path := base if n == 1 else base.with_name(f"{base.name}-{n}")).exists())


def check_new_run(path: Path, *, overwrite: bool) -> None:
    """Raises UserError when no new run may be made here. Costs nothing, so it is asked before anything else is done."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not path.is_dir():
        raise UserError(f"{path} is a file; --out names the directory of the run")
    if not _is_run(path) and (foreign := sorted(set(path.iterdir()) - set(_own_entries(path)))):
        raise UserError(f"{path} is not a run directory (it holds {foreign[0].name}); choose another --out")
    if not overwrite:
        raise UserError(
            f"{path} exists already: continue it with --resume, replace it with --overwrite, or choose another --out"
        )


def create_run(path: Path, study: Artifact[StudySettings], *, overwrite: bool = False) -> RunDirectory:
    """A new run directory, held. It exists with its settings or not at all. RunInUse when another process holds it."""
    check_new_run(path, overwrite=overwrite)
    if overwrite and path.is_dir():
        run = RunDirectory(path, _locked(path))
        _clear(path)
        write_artifact(run.study_file, study)
        return run
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.mkdir(parents=True, exist_ok=True)
        write_artifact(beside / "study.json", study)
        beside.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return RunDirectory(path, _locked(path))


def open_run(path: Path) -> RunDirectory:
    """An existing run directory, held, to be continued. RunInUse when another process holds it."""
    if not _is_run(path):
        raise UserError(f"there is no run at {path} to resume; start one there without --resume, or name it with --out")
    return RunDirectory(path, _locked(path))


def is_held(path: Path) -> bool:
    """Whether a process holds the run: it is at work. Asking takes the lock for a moment when it is free."""
    if not (path / LOCK_FILE).is_file():
        return False
    try:
        with FileLock(path / LOCK_FILE, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _is_run(path: Path) -> bool:
    return (path / "study.json").is_file()


def _own_entries(path: Path) -> Iterator[Path]:
    for pattern in OWN_FILES:
        yield from (entry for entry in path.glob(pattern) if entry.is_file())
    yield from (entry for entry in path.glob(SUB_STUDIES) if _is_run(entry))


def _clear(path: Path) -> None:
    """Remove what a run wrote, `study.json` first: a half-cleared directory is no run any more."""
    for entry in list(_own_entries(path)):
        if entry.is_dir():
            _clear(entry)
            if not any(entry.iterdir()):
                entry.rmdir()
        elif entry.name != LOCK_FILE or path.name.startswith("seed-"):
            entry.unlink()


def _locked(path: Path) -> FileLock:
    lock = FileLock(path / LOCK_FILE)
    try:
        lock.acquire(timeout=LOCK_PATIENCE_SECONDS, poll_interval=LOCK_PATIENCE_SECONDS / 10)
    except Timeout:
        raise RunInUse(f"{path} is in use by another process; wait until it ends, or choose another --out") from None
    except OSError as error:
        raise cannot_write(path, error) from error
    return lock

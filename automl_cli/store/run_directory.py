"""The directory of one search or one training: settings first, created whole, held by one process at a time."""

import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout
from msgspec import Struct

from automl_cli.core.errors import RunInUse, UserError
from automl_cli.store.artifact import Artifact, artifact_of, read_artifact, write_artifact
from automl_cli.store.earlier_trials import head_bytes, head_of
from automl_cli.store.file_names import (
    BEST_FILE,
    CHECKPOINT_FILE,
    COMPARISON_FILE,
    COMPARISON_PLOT,
    CONTENTS_FILE,
    EVENT_PREFIX,
    EVENTS,
    JOURNAL_FILE,
    LOCK_FILE,
    MODEL_FILE,
    NETWORK_FILE,
    REPORT_FILE,
    STUDY_FILE,
    SUB_STUDY,
    TORN_JOURNAL,
    TRAINING_FILE,
    TRANSFER,
    WEIGHTS_FILE,
)
from automl_cli.store.files import ANOTHER_OUT, cannot_write, replace_file, sync_directory
from automl_cli.store.journal import cut_torn_tail
from automl_cli.store.study import StudySettings

LOCK_PATIENCE_SECONDS = 0.2
"""How long to wait for a lock: a report that asks whether a run is held takes it for a moment."""


class DirectoryLayout(Struct, frozen=True):
    """The files of a directory: the settings that make it a run or a training, and the others, which `--overwrite` removes."""

    noun: str
    settings: str
    others: tuple[str, ...]

    @property
    def own_files(self) -> tuple[str, ...]:
        """Return the names of all files that are the run's own."""
        return (self.settings, *self.others, LOCK_FILE, ".*.tmp")


SEARCH = DirectoryLayout("run", STUDY_FILE, (JOURNAL_FILE, f"{TORN_JOURNAL}*", BEST_FILE, NETWORK_FILE, REPORT_FILE))
COMPARISON = DirectoryLayout("comparison", COMPARISON_FILE, (JOURNAL_FILE, f"{TORN_JOURNAL}*", COMPARISON_PLOT))
TRAINING = DirectoryLayout(
    "training",
    TRAINING_FILE,
    (JOURNAL_FILE, f"{TORN_JOURNAL}*", CHECKPOINT_FILE, WEIGHTS_FILE, CONTENTS_FILE, MODEL_FILE),
)


class RunDirectory:
    """A run directory that this process holds until it is closed, made by `create_run` or `open_run`."""

    def __init__(self, path: Path, lock: FileLock, torn_tail: Path | None = None) -> None:
        self.path = path
        self.torn_tail = torn_tail
        """Where the rest of a half-written journal record was put when the run was opened, if there was one."""
        self._lock = lock

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
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if not above.is_dir():
        raise UserError(f"{above} is a file, so no {layout.noun} can be made at {path}; choose another --out")
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not path.is_dir():
        raise UserError(f"{path} is a file; --out names the directory of the {layout.noun}")
    if not _is_run(path, layout) and (foreign := sorted(set(path.iterdir()) - set(_own_entries(path, layout)))):
        raise UserError(f"{path} is not a {layout.noun} directory (it holds {foreign[0].name}); choose another --out")
    if not overwrite:
        raise UserError(
            f"{path} exists already: continue it with --resume, replace it with --overwrite, or choose another --out"
        )


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


def repeats_of(path: Path) -> list[Path]:
    """Return the run directories of a search's repeats, by seed; none for a single run, or for no run at all."""
    return [] if _is_run(path, SEARCH) else _sub_studies(path)


def runs_in(path: Path) -> list[Path]:
    """Return the run in this directory, or the repeats of a search by seed; none where there is neither."""
    return [path] if _is_run(path, SEARCH) else _sub_studies(path)


def hold(path: Path) -> RunDirectory:
    """Hold a directory of repeats."""
    return RunDirectory(path, _locked(path))


def _created(path: Path, files: Mapping[str, Artifact[Any]], *, overwrite: bool, layout: DirectoryLayout) -> RunDirectory:
    check_new_run(path, overwrite=overwrite, layout=layout)
    heads = _heads(files)  # of which this run itself may be one, before it is cleared
    if overwrite and path.is_dir():
        run = RunDirectory(path, _locked(path))
        _clear(path, layout)
        _write_all(path, files, heads)
        return run
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write_all(beside, files, heads)
        beside.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise cannot_write(path, error, hint=ANOTHER_OUT) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return RunDirectory(path, _locked(path))


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
    if not (path / LOCK_FILE).is_file():
        return False
    try:
        with FileLock(path / LOCK_FILE, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _is_run(path: Path, layout: DirectoryLayout) -> bool:
    return (path / layout.settings).is_file()


def check_is_run(path: Path, layout: DirectoryLayout) -> None:
    """Raise UserError where this directory holds no run, or training, that could be continued."""
    if not _is_run(path, layout):
        raise UserError(
            f"there is no {layout.noun} at {path} to resume; start one there without --resume, or name it with --out"
        )


def _own_entries(path: Path, layout: DirectoryLayout) -> Iterator[Path]:
    for pattern in layout.own_files:
        yield from (entry for entry in path.glob(pattern) if entry.is_file())
    yield from _event_files(path / EVENTS)
    yield from _own_directories(path, layout)


def _event_files(folder: Path) -> list[Path]:
    """Return the event files of a run and then their folder; none where something else is in it."""
    inside = list(folder.iterdir()) if folder.is_dir() else []
    return [*inside, folder] if inside and all(file.name.startswith(EVENT_PREFIX) for file in inside) else []


def _own_directories(path: Path, layout: DirectoryLayout) -> dict[Path, DirectoryLayout]:
    """Return the directories inside that are runs or trainings themselves, with their layouts."""
    if layout is not SEARCH:
        return {}
    inside = dict.fromkeys(_sub_studies(path), SEARCH) | {path / TRANSFER: TRAINING}
    return {entry: kind for entry, kind in inside.items() if _is_run(entry, kind)}


def _sub_studies(path: Path) -> list[Path]:
    """Return the run directories of repeats, by seed."""
    return sorted((entry for entry in path.glob(f"{SUB_STUDY}*") if _is_run(entry, SEARCH)), key=_seed_and_name)


def _seed_and_name(path: Path) -> tuple[int, str]:
    digits = path.name.removeprefix(SUB_STUDY)
    return int(digits) if digits.isdecimal() else 0, path.name


def _clear(path: Path, layout: DirectoryLayout, *, inside: bool = False) -> None:
    """Remove what a run wrote, its settings first: a half-cleared directory is no run any more."""
    directories = _own_directories(path, layout)
    for entry in list(_own_entries(path, layout)):
        if entry in directories:
            _clear(entry, directories[entry], inside=True)
            if not any(entry.iterdir()):
                entry.rmdir()
        elif entry.is_dir():
            entry.rmdir()
        elif entry.name != LOCK_FILE or inside:
            entry.unlink()


def _locked(path: Path) -> FileLock:
    lock = FileLock(path / LOCK_FILE)
    try:
        lock.acquire(timeout=LOCK_PATIENCE_SECONDS, poll_interval=LOCK_PATIENCE_SECONDS / 10)
    except Timeout:
        raise RunInUse(f"{path} is in use by another process; wait until it ends, or choose another --out") from None
    except OSError as error:
        raise cannot_write(path, error, hint=ANOTHER_OUT) from error
    return lock

"""The files and directories that searches, comparisons and trainings hold, and how they are told from those of others."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

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
from automl_cli.system.locks import MARKER

OF_THE_SYSTEM = "lost+found"
"""A directory that file systems have at their top, so that a fresh one is not quite empty."""


class DirectoryLayout(Struct, frozen=True):
    """The files of a directory: the settings that make it a run or a training, and the others, which `--overwrite` removes."""

    noun: str
    settings: str
    others: tuple[str, ...]

    @property
    def passing(self) -> tuple[str, ...]:
        """Return the names of the files that are there while the directory is made, and say nothing."""
        return (LOCK_FILE, LOCK_FILE + MARKER, ".*.tmp")

    @property
    def own_files(self) -> tuple[str, ...]:
        """Return the names of all files that are the run's own."""
        return (self.settings, *self.others, *self.passing)


SEARCH = DirectoryLayout("run", STUDY_FILE, (JOURNAL_FILE, f"{TORN_JOURNAL}*", BEST_FILE, NETWORK_FILE, REPORT_FILE))
COMPARISON = DirectoryLayout("comparison", COMPARISON_FILE, (JOURNAL_FILE, f"{TORN_JOURNAL}*", COMPARISON_PLOT))
TRAINING = DirectoryLayout(
    "training",
    TRAINING_FILE,
    (JOURNAL_FILE, f"{TORN_JOURNAL}*", CHECKPOINT_FILE, WEIGHTS_FILE, CONTENTS_FILE, MODEL_FILE),
)


def is_run(path: Path, layout: DirectoryLayout) -> bool:
    """Return whether a directory is a run, a comparison or a training, as the layout says."""
    return (path / layout.settings).is_file()


def is_empty(path: Path, layout: DirectoryLayout) -> bool:
    """Return whether a directory holds nothing but what says nothing, such as the lock of a process that was killed."""
    passing = {entry for pattern in layout.passing for entry in path.glob(pattern)}
    return all(entry.name == OF_THE_SYSTEM or entry in passing for entry in path.iterdir())


def repeats_of(path: Path) -> list[Path]:
    """Return the run directories of a search's repeats, by seed; none for a single run, or for no run at all."""
    return [] if is_run(path, SEARCH) else _sub_studies(path)


def runs_in(path: Path) -> list[Path]:
    """Return the run in this directory, or the repeats of a search by seed; none where there is neither."""
    return [path] if is_run(path, SEARCH) else _sub_studies(path)


def foreign_entries(path: Path, layout: DirectoryLayout) -> list[Path]:
    """Return what is in a directory and no run wrote, by name."""
    return sorted(entry for entry in set(path.iterdir()) - set(_own_entries(path, layout)) if entry.name != OF_THE_SYSTEM)


def clear(path: Path, layout: DirectoryLayout, *, inside: bool = False) -> None:
    """Remove what a run wrote, its settings first: a half-cleared directory is no run any more. The lock stays, but that of a
    run inside another one."""
    directories = _own_directories(path, layout)
    for entry in list(_own_entries(path, layout)):
        if entry in directories:
            clear(entry, directories[entry], inside=True)
            if not any(entry.iterdir()):
                entry.rmdir()
        elif entry.is_dir():
            entry.rmdir()
        elif inside or entry.name not in (LOCK_FILE, LOCK_FILE + MARKER):
            entry.unlink()


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
    return {entry: kind for entry, kind in inside.items() if is_run(entry, kind)}


def _sub_studies(path: Path) -> list[Path]:
    """Return the run directories of repeats, by seed."""
    return sorted((entry for entry in path.glob(f"{SUB_STUDY}*") if is_run(entry, SEARCH)), key=_seed_and_name)


def _seed_and_name(path: Path) -> tuple[int, str]:
    digits = path.name.removeprefix(SUB_STUDY)
    return int(digits) if digits.isdecimal() else 0, path.name

"""One process at a time holds a lock, also where the file system has none."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from automl_cli.system.locks import NO_LOCKS, holding, is_marker, locked, marker_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=sorted(NO_LOCKS, key=str))
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FileLock, *arguments: object, **more: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(FileLock, "acquire", refuse)


def test_a_lock_keeps_others_out_and_is_free_afterwards(tmp_path: Path) -> None:
    with holding(tmp_path / "a.lock", patience_seconds=0), pytest.raises(Timeout):
        locked(tmp_path / "a.lock", patience_seconds=0)
    locked(tmp_path / "a.lock", patience_seconds=0).release()
    assert not marker_of(tmp_path / "a.lock").exists()


@pytest.mark.usefixtures("no_locks")
def test_a_marker_does_the_same_where_there_are_no_locks(tmp_path: Path) -> None:
    lock = locked(tmp_path / "a.lock", patience_seconds=0)
    assert is_marker(lock)
    with pytest.raises(Timeout):
        locked(tmp_path / "a.lock", patience_seconds=0)
    lock.release()
    assert not marker_of(tmp_path / "a.lock").exists()


@pytest.mark.usefixtures("no_locks")
def test_the_marker_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    code = "import os, sys; from filelock import SoftFileLock; lock = SoftFileLock(sys.argv[1]); lock.acquire(); os._exit(0)"
    subprocess.run([sys.executable, "-c", code, marker_of(tmp_path / "a.lock")], check=True)
    assert marker_of(tmp_path / "a.lock").exists()
    with holding(tmp_path / "a.lock", patience_seconds=5):
        pass


def test_another_error_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: FileLock, *arguments: object, **more: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(PermissionError):
        locked(tmp_path / "a.lock", patience_seconds=0)

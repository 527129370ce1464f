"""Prepared arrays: one process writes, all read; an incomplete entry is never used."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from automl_cli.core.errors import DataError
from automl_cli.data import cache as module
from automl_cli.data import load_images
from automl_cli.values.dataset import DatasetReference

LAYOUT = {"values": ((100,), "int32"), "more": ((2, 3), "float32")}
ROOT = Path(__file__).parents[2]


def fill(arrays):
    arrays["values"][:] = np.arange(100)
    arrays["more"][:] = 0.5


def never(arrays):
    raise AssertionError("prepared again")


def test_what_was_written_is_read_and_not_written_again():
    module.load_or_prepare("a set", "key", LAYOUT, fill)
    arrays = module.load_or_prepare("a set", "key", LAYOUT, never)
    assert arrays["values"].tolist() == list(range(100))


def test_another_key_is_another_entry():
    module.load_or_prepare("a set", "key", LAYOUT, fill)
    with pytest.raises(AssertionError, match="prepared again"):
        module.load_or_prepare("a set", "other", LAYOUT, never)


@pytest.mark.parametrize("fault", ["missing file", "truncated", "empty", "not an array", "other shape", "other type"])
def test_a_broken_entry_is_prepared_again(cache, fault):
    module.load_or_prepare("a set", "key", LAYOUT, fill)
    broken = next(cache.glob("*/values.npy"))
    match fault:
        case "missing file":
            broken.unlink()
        case "truncated":
            broken.write_bytes(broken.read_bytes()[:300])
        case "empty":
            broken.write_bytes(b"")
        case "not an array":
            broken.write_text("hello")
        case "other shape":
            np.save(broken, np.zeros(99, np.int32))
        case "other type":
            np.save(broken, np.zeros(100, np.int64))
    assert module.load_or_prepare("a set", "key", LAYOUT, fill)["values"].tolist() == list(range(100))


def test_a_folder_that_is_removed_while_an_entry_is_prepared_is_made_again(cache):
    removed = []

    def fill_and_remove(arrays):
        fill(arrays)
        if not removed:
            removed.append(shutil.rmtree(cache))

    arrays = module.load_or_prepare("a set", "key", LAYOUT, fill_and_remove)
    assert arrays["values"].tolist() == list(range(100))
    assert len(removed) == 1


def test_a_folder_that_is_always_removed_is_one_line(cache):
    with pytest.raises(DataError, match="prepared data cannot be written to"):
        module.load_or_prepare("a set", "key", LAYOUT, lambda arrays: shutil.rmtree(cache))


def test_a_failure_while_preparing_leaves_no_entry_and_no_draft(cache):
    def fail(arrays):
        raise DataError("the picture x.png is broken")

    with pytest.raises(DataError, match=r"x\.png is broken"):
        module.load_or_prepare("a set", "key", LAYOUT, fail)
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def test_a_full_disk_is_one_line_that_names_the_way_out(monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "posix_fallocate", full, raising=False)
    with pytest.raises(
        DataError, match=r"cannot be written to .* \(No space left on device\); make room there, or set AUTOML_CACHE"
    ):
        module.load_or_prepare("a set", "key", LAYOUT, fill)


def test_where_room_cannot_be_reserved_it_is_written(monkeypatch):
    monkeypatch.delattr(module.os, "posix_fallocate", raising=False)
    monkeypatch.setattr(module, "BLOCK", 64)
    assert module.load_or_prepare("a set", "key", LAYOUT, fill)["values"].tolist() == list(range(100))


def test_a_cache_folder_that_cannot_be_made_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"prepared data cannot be written to .*file/data .*AUTOML_CACHE_DIR"):
        module.load_or_prepare("a set", "key", LAYOUT, fill)


def test_the_users_cache_folder_is_the_default(tmp_path, monkeypatch):
    monkeypatch.delenv("AUTOML_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    if sys.platform == "linux":
        assert module.cache_folder() == tmp_path / "xdg" / "automl" / "data"


WORKER = """
import sys
from pathlib import Path
from automl_cli.data import cache
def write(arrays):
    with Path(sys.argv[1]).open("a") as log: log.write("written\\n")
    import time; time.sleep(float(sys.argv[2]))
    arrays["values"][:] = range(100)
print(cache.load_or_prepare("a set", "key", {"values": ((100,), "int32")}, write)["values"].sum())
"""


def start(log: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WORKER, str(log), str(seconds)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_of_many_processes_one_prepares_and_the_others_wait(tmp_path):
    workers = [start(tmp_path / "log", 0.3) for _ in range(4)]
    assert [worker.communicate()[0].strip() for worker in workers] == ["4950"] * 4
    assert (tmp_path / "log").read_text() == "written\n"


def test_a_process_killed_while_preparing_leaves_the_work_to_the_next(tmp_path):
    first = start(tmp_path / "log", 60)
    while not (tmp_path / "log").exists():
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = start(tmp_path / "log", 0)
    assert second.communicate()[0].strip() == "4950"
    assert (tmp_path / "log").read_text() == "written\n" * 2


def test_removing_the_folder_while_arrays_are_mapped_harms_nobody(cache):
    data = load_images(DatasetReference(source="digits"))
    before = data.train.images.sum()
    for path in sorted(cache.rglob("*.npy")):
        path.unlink()
    assert data.train.images.sum() == before
    assert load_images(DatasetReference(source="digits")).train.images.sum() == before


OTHER_USERS = [2001, 2002]

OTHER_USER = f"""
import os, sys, tempfile
from automl_cli.data import cache
with tempfile.TemporaryDirectory() as folder:  # imports everything while this user may still read it
    shared, os.environ["AUTOML_CACHE_DIR"] = os.environ["AUTOML_CACHE_DIR"], folder
    cache.load_or_prepare("x", "x", {{"values": ((1,), "int32")}}, lambda arrays: None)
    os.environ["AUTOML_CACHE_DIR"] = shared
os.setgroups([]), os.setgid(int(sys.argv[3])), os.setuid(int(sys.argv[3]))
{WORKER}
print(cache.said_of_the_cache())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_two_users_may_share_a_cache(umask):
    with tempfile.TemporaryDirectory() as place:
        shared = Path(place)
        shared.chmod(0o755)
        (shared / "cache").mkdir()
        (shared / "cache").chmod(0o1777)
        said = []
        for user in OTHER_USERS:
            (shared / f"{user}").mkdir()
            (shared / f"{user}").chmod(0o777)
            environment = os.environ | {"AUTOML_CACHE_DIR": str(shared / "cache"), "TMPDIR": str(shared / f"{user}")}
            done = subprocess.run(
                [sys.executable, "-c", OTHER_USER, str(shared / f"{user}" / "log"), "0", str(user)],
                cwd=ROOT, env=environment, umask=umask, capture_output=True, text=True,
            )  # fmt: skip
            assert done.stdout.startswith("4950"), done.stderr
            said.append(done.stdout.splitlines()[1])
        prepared = [(shared / f"{user}" / "log").exists() for user in OTHER_USERS]
    assert prepared == [True, umask == 0o077]
    assert said[0] == "[]"
    assert ("may not be used by this user (Permission denied)" in said[1]) == (umask == 0o077)


def test_where_another_user_is_in_the_way_data_are_prepared_among_temporary_files(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    holding = module.holding

    def refuse(path, **how):
        if path.is_relative_to(cache):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return holding(path, **how)

    monkeypatch.setattr(module, "holding", refuse)
    for write in (fill, never):
        assert module.load_or_prepare("a set", "key", LAYOUT, write)["values"].tolist() == list(range(100))
    (said,) = module.said_of_the_cache()
    assert f"data are prepared in {tmp_path}/automl-{os.getuid()}" in said
    assert module.said_of_the_cache() == []
    (tmp_path / f"automl-{os.getuid()}").chmod(0o777)  # anybody could write there
    with pytest.raises(DataError, match="AUTOML_CACHE_DIR to another folder"):
        module.load_or_prepare("another set", "key", LAYOUT, fill)


@pytest.mark.parametrize("name", ["花" * 85, "ä" * 127, "x" * 255, "🐈" * 60])
def test_a_set_may_have_any_name_that_a_folder_can_have(name):
    module.load_or_prepare(name, "0" * 24, LAYOUT, fill)
    assert module.load_or_prepare(name, "0" * 24, LAYOUT, never)["more"].shape == (2, 3)

"""Run directories: created whole, refused when they exist, held by one process, cleared of their own files only."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from msgspec.structs import replace

from automl_cli.core.errors import RunFailed, RunInUse, UserError
from automl_cli.store.artifact import artifact_of
from automl_cli.store.run_directory import (
    RunDirectory,
    create_run,
    create_under_default_name,
    default_run_path,
    is_held,
    open_run,
)
from tests.store.samples import settings

STUDY = artifact_of(settings())


def test_a_new_run_holds_its_settings(tmp_path: Path) -> None:
    with create_run(tmp_path / "runs" / "a", STUDY) as run:
        assert run.settings() == settings()
        assert sorted(entry.name for entry in run.path.iterdir()) == ["run.lock", "study.json"]
    assert [entry.name for entry in (tmp_path / "runs").iterdir()] == ["a"]


def test_an_empty_directory_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with create_run(tmp_path / "a", STUDY) as run:
        assert run.settings() == settings()


def test_an_existing_run_is_refused_with_the_ways_out(tmp_path: Path) -> None:
    create_run(tmp_path / "a", STUDY).close()
    with pytest.raises(UserError) as caught:
        create_run(tmp_path / "a", STUDY)
    assert str(caught.value) == (
        f"{tmp_path}/a exists already: continue it with --resume, replace it with --overwrite, or choose another --out"
    )


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_directory_of_other_things_is_never_taken(overwrite: bool, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"is not a run directory \(it holds thesis\.tex\); choose another --out"):
        create_run(tmp_path, STUDY, overwrite=overwrite)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file; --out names the directory of the run"):
        create_run(tmp_path / "file", STUDY, overwrite=overwrite)


def test_overwrite_removes_what_a_run_wrote_and_nothing_else(tmp_path: Path) -> None:
    create_run(tmp_path / "a", STUDY).close()
    create_run(tmp_path / "a" / "seed-1", STUDY).close()
    own = [
        "journal.jsonl",
        "journal.torn-1",
        "best.json",
        "network.json",
        "report.html",
        ".best.json.7.tmp",
        "seed-1/best.json",
    ]
    foreign = ["notes.txt", "best.json.bak", "seed-1.txt"]
    for name in own + foreign:
        (tmp_path / "a" / name).write_text("x")
    with create_run(tmp_path / "a", STUDY, overwrite=True):
        assert sorted(entry.name for entry in (tmp_path / "a").iterdir()) == sorted([*foreign, "run.lock", "study.json"])


def test_overwrite_of_nothing_is_a_new_run(tmp_path: Path) -> None:
    with create_run(tmp_path / "a", STUDY, overwrite=True) as run:
        assert run.settings() == settings()


def test_a_half_cleared_directory_can_be_overwritten_and_not_resumed(tmp_path: Path) -> None:
    create_run(tmp_path / "a", STUDY).close()
    (tmp_path / "a" / "study.json").unlink()
    (tmp_path / "a" / "journal.jsonl").write_text("x")
    with pytest.raises(UserError, match="there is no run at"):
        open_run(tmp_path / "a")
    with pytest.raises(UserError, match=r"a is no whole run: study\.json is missing beside journal\.jsonl.* --overwrite"):
        create_run(tmp_path / "a", STUDY)
    with create_run(tmp_path / "a", STUDY, overwrite=True) as run:
        assert not run.journal_file.exists()


def test_a_run_that_is_not_there_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no run at .*/a to resume; start one there without --resume"):
        open_run(tmp_path / "a")


def test_a_second_process_is_told_that_the_directory_is_in_use(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from automl_cli.core.errors import RunInUse
from automl_cli.store.run_directory import open_run
try:
    open_run(Path({str(tmp_path / "a")!r}))
except RunInUse as error:
    sys.exit(str(error))
"""

    def second() -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)

    with create_run(tmp_path / "a", STUDY) as run:
        done = second()
        assert (done.returncode, done.stderr) == (
            1,
            f"{run.path} is in use by another process; wait until it ends, or choose another --out\n",
        )
        with pytest.raises(RunInUse):
            create_run(tmp_path / "a", STUDY, overwrite=True)
        assert run.settings() == settings()
    assert second().returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunFailed, match=r"^cannot write .*/a: Permission denied; make that possible, or choose another --out$"):
        create_run(tmp_path / "a", STUDY)
    tmp_path.chmod(0o700)


def test_a_place_that_cannot_be_written_names_the_flag_that_chooses_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    create_run(tmp_path / "a", STUDY).close()
    with monkeypatch.context() as patch:
        patch.setattr(FileLock, "acquire", refuse)
        with pytest.raises(RunFailed, match=r"^cannot write .*/a: Operation not permitted; .* choose another --out$"):
            open_run(tmp_path / "a")
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunFailed, match=r"^cannot write .*/b: Operation not permitted; .* choose another --out$"):
        create_run(tmp_path / "b", STUDY)


def test_a_place_where_nothing_can_be_created_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"/file is a file, so no run can be made at .*/file/a; choose another --out$"):
        create_run(tmp_path / "file" / "a", STUDY)


def test_default_names_never_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = []
    for _ in range(3):
        path = default_run_path("search-arch")
        path.mkdir(parents=True)
        names.append(path.as_posix())
    assert len(set(names)) == 3
    assert all(name.startswith("runs/search-arch-20") for name in names)


def test_an_empty_directory_stays_what_it_is(tmp_path: Path) -> None:
    """A link, and a folder in a parent that may not be written, as a mount point: nothing is renamed over it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "lost+found").mkdir()
    (tmp_path / "link").symlink_to("real")
    before = (tmp_path / "real").stat().st_ino
    create_run(tmp_path / "link", STUDY).close()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "study.json").is_file()
    create_run(tmp_path / "link", STUDY, overwrite=True).close()
    assert (tmp_path / "real").stat().st_ino == before
    assert sorted(entry.name for entry in (tmp_path / "real").iterdir()) == ["lost+found", "run.lock", "study.json"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link", "real"]


def test_what_a_process_left_that_was_killed_at_the_start_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("run.lock", "run.lock.held", ".study.json.123.tmp"):
        (tmp_path / "a" / name).write_text("")
    with pytest.raises(RunInUse, match=r"remove .*run\.lock\.held\)$"), monkeypatched_locks():
        create_run(tmp_path / "a", STUDY)
    (tmp_path / "a" / "run.lock.held").unlink()
    create_run(tmp_path / "a", STUDY).close()
    assert sorted(entry.name for entry in (tmp_path / "a").iterdir()) == ["run.lock", "study.json"]


@contextmanager
def monkeypatched_locks() -> Iterator[None]:
    """Let the file system refuse locks while the context lasts."""

    def refuse(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileLock, "acquire", refuse)
        yield


def test_without_locks_a_run_is_held_all_the_same(tmp_path: Path) -> None:
    with monkeypatched_locks():
        with create_run(tmp_path / "a", STUDY) as run:
            assert run.has_marker
            assert is_held(tmp_path / "a")
            with pytest.raises(RunInUse):
                open_run(tmp_path / "a")
        assert not is_held(tmp_path / "a")
        create_run(tmp_path / "a", STUDY, overwrite=True).close()
    assert not (tmp_path / "a" / "run.lock.held").exists()


def test_a_new_run_that_cannot_be_held_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(RunFailed, match="Input/output error"):
        create_run(tmp_path / "a", STUDY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere", "nowhere/a"])
def test_a_link_to_nowhere_is_refused_by_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "nowhere").symlink_to("missing")
    with pytest.raises(UserError, match=r"/nowhere is a link to nowhere; make the directory .*, or choose another --out$"):
        create_run(tmp_path / name, STUDY)
    assert (tmp_path / "nowhere").is_symlink()


def test_of_two_runs_under_one_default_name_the_second_takes_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    taken: list[Path] = []

    def create(path: Path) -> RunDirectory:
        if not taken:  # another process, between the choice of the name and its use
            taken.append(path)
            create_run(path, STUDY).close()
        return create_run(path, STUDY)

    with create_under_default_name("search-arch", create) as run:
        assert run.path != taken[0]
        assert run.path.name.startswith("search-arch-")
    assert sorted(entry.name for entry in Path("runs").iterdir()) == sorted([taken[0].name, run.path.name])


def test_a_run_that_appears_while_another_is_made_there_is_said_to_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def too_late(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        target.mkdir()
        shutil.copy(self / "study.json", target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", too_late)
    with pytest.raises(UserError, match="exists already: continue it with --resume"):
        create_run(tmp_path / "a", STUDY)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_directory_may_have_the_longest_name_that_there_is(tmp_path: Path) -> None:
    with create_run(tmp_path / ("花" * 85), STUDY) as run:
        run.record(replace(settings(), trials=77))
        assert run.settings().trials == 77

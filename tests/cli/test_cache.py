"""`automl cache`: what is kept is shown by its size, and removed on request."""

import os
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from filelock import FileLock

from automl_cli.cli.app import run
from automl_cli.data.cache import cache_folder
from automl_cli.jobs.caches import trim_programs
from automl_cli.store.encoding import decode
from automl_cli.system.process import compilation_cache


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two programs of this version, one of an older one, and one prepared set."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "arrays"))
    older = compilation_cache().with_name("jaxlib-0.0.1-abc")
    for folder, names in ((compilation_cache(), ("a", "b")), (older, ("c",)), (cache_folder() / "digits-1", ("images.npy",))):
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(bytes(1000))


def listed(capfd: pytest.CaptureFixture[str]) -> dict:
    capfd.readouterr()
    assert run(["cache", "--json"]) == 0
    return decode(capfd.readouterr().out.encode(), dict, "cache")


def test_every_folder_is_listed_with_its_size(kept: None, capfd: pytest.CaptureFixture[str]) -> None:
    found = listed(capfd)
    assert found["bytes"] == 4000
    sizes = {(Path(entry["path"]).name, entry["kind"]): (entry["files"], entry["bytes"]) for entry in found["entries"]}
    assert sizes == {
        (compilation_cache().name, "programs"): (2, 2000),
        ("jaxlib-0.0.1-abc", "programs"): (1, 1000),
        ("digits-1", "data"): (1, 1000),
    }
    assert [entry["in_use"] for entry in found["entries"] if entry["path"].endswith("0.0.1-abc")] == [False]
    assert run(["cache"]) == 0
    assert "digits-1" in capfd.readouterr().out.replace("\n", "")


def test_what_is_kept_is_removed_and_nothing_else(kept: None, capfd: pytest.CaptureFixture[str]) -> None:
    beside = compilation_cache().parent.parent / "of-another-program"
    beside.mkdir()
    assert run(["cache", "--clear"]) == 0
    assert listed(capfd)["entries"] == []
    assert beside.is_dir()
    assert run(["cache"]) == 0
    assert capfd.readouterr().out == (
        f"nothing is kept: no compiled programs in {compilation_cache().parent}, no prepared data in {cache_folder()}\n"
    )
    assert run(["cache", "--clear"]) == 0


def test_what_a_search_writes_meanwhile_does_not_stop_the_removal(kept: None) -> None:
    folder, ended = compilation_cache() / "programs", Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{number % 50}.tmp").write_bytes(bytes(100))
                (folder / f"{number % 50}.tmp").replace(folder / f"{number % 50}.program")
            number += 1

    writer = Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            assert run(["cache", "--clear"]) == 0
    finally:
        ended.set()
        writer.join()
    assert not [file for file in compilation_cache().parent.iterdir() if "removed" in file.name]


def test_data_that_are_being_prepared_stay_and_abandoned_ones_go(kept: None) -> None:
    written, abandoned = (cache_folder() / f"{name}-1.xyz.draft" for name in ("cifar10", "photos"))
    for draft in (written, abandoned):
        draft.mkdir()
    with FileLock(cache_folder() / "cifar10-1.lock"):
        assert run(["cache", "--clear"]) == 0
        assert written.is_dir()
    assert not abandoned.exists()
    assert run(["cache", "--clear"]) == 0
    assert not written.exists()


def test_programs_used_longest_ago_are_trimmed(kept):
    folder = compilation_cache()
    for age, file in enumerate(sorted(folder.parent.rglob("*/*"))):
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    sizes = {file: file.stat().st_size for file in sorted(folder.parent.rglob("*/*"))}
    total = sum(sizes.values())
    assert trim_programs(total) == 0
    *newer, oldest = sizes
    assert trim_programs(total - 1) == sizes[oldest]
    assert sorted(folder.parent.rglob("*/*")) == newer
    assert trim_programs(0) == total - sizes[oldest]
    assert (cache_folder() / "digits-1" / "images.npy").exists()


def test_what_cannot_be_looked_at_or_was_torn_does_not_end_a_search(kept):
    folder = compilation_cache()
    (folder / "gone").symlink_to(folder / "nowhere")
    torn, new = folder / "x1.tmp", folder / "x2.tmp"
    for file in (torn, new):
        file.write_bytes(bytes(10))
    os.utime(torn, (0, 0))
    assert trim_programs() == 10
    assert not torn.exists()
    assert new.exists()
    assert run(["cache"]) == 0

"""Others at the same places: a second driver, and somebody who tears and removes the caches while children train."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from tests.chaos.cells import CELLS, TRAINED_CELLS, Cell
from tests.chaos.endings import ending
from tests.chaos.storms import PATIENCE_SECONDS, complete
from tests.cli.searches import start

pytestmark = pytest.mark.skipif(not os.environ.get("AUTOML_NIGHTLY"), reason="minutes of searches: set AUTOML_NIGHTLY=1")


def test_of_drivers_that_start_at_once_one_searches_and_the_others_are_told(tmp_path: Path) -> None:
    cell = CELLS[0]
    complete(cell, tmp_path / "alone")
    for number in range(3):
        run = tmp_path / f"run-{number}"
        drivers = [start(cell.arguments(run), stdout=subprocess.DEVNULL) for _ in range(3)]
        said = [driver.communicate(timeout=PATIENCE_SECONDS)[1] for driver in drivers]
        codes = sorted(driver.returncode for driver in drivers)
        assert codes == [0, 2, 2], said
        assert sum("in use by another process" in text or "exists already" in text for text in said) == 2
        assert ending(run) == ending(tmp_path / "alone")


def tear_one(path: Path, random: Random) -> None:
    """Remove a file, or cut or overwrite one that is read whole: a mapped one would take the process with it."""
    how = random.choice(("remove", "cut", "overwrite"))
    if how == "remove" or path.suffix == ".npy":
        path.unlink()
    elif how == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        path.write_bytes(b"\0" * 99)


@contextmanager
def torn(folder: Path, seed: int) -> Iterator[None]:
    """Cut, overwrite and remove files below a folder, and the folder itself, until the block ends."""
    random, over = Random(seed), threading.Event()

    def tear() -> None:
        while not over.wait(random.uniform(0.2, 1.0)):
            with suppress(OSError):
                files = [path for path in folder.rglob("*") if path.is_file()]
                if not files or random.random() < 0.1:
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    tear_one(random.choice(files), random)

    thread = threading.Thread(target=tear)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("cell", TRAINED_CELLS[:1], ids=lambda cell: cell.name)
def test_caches_that_are_torn_and_removed_under_way_change_nothing(
    cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(cell, tmp_path / "calm")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache" / "programs"))
    with torn(tmp_path / "cache", seed=1):
        complete(cell, tmp_path / "torn")
    assert ending(tmp_path / "torn") == ending(tmp_path / "calm")

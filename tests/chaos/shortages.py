"""A machine that lacks something: room on the disk, file descriptors, a home, a clock that runs evenly.

A search either ends as it does on a sound machine, or with a line of words; then it is resumed on a sound one, and ends so.
"""

import os
import resource
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from automl_cli.store.run_layout import runs_in
from tests.chaos.crash_points import SEARCH
from tests.chaos.endings import Ending, endings
from tests.chaos.forks import Forked, completed, forked

ARGUMENTS = [*SEARCH, "--strategy", "evolution", "--retrain-top", "2"]

TMPFS_PAGES = 2
"""The size of the smallest disk, in pages of 4 KiB: a file takes at least one."""


class Shortages:
    """Disturbed searches in the working directory. `counts` says how many ended how."""

    def __init__(self, seed: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self._random = Random(seed)
        completed([*ARGUMENTS, "--out", "calm"])
        self._due = endings(Path("calm"))

    def full_disk(self, times: int) -> None:
        """Allow no file to become larger than so many bytes."""
        largest = max(file.stat().st_size for file in Path("calm").iterdir())
        for _ in range(times):
            most = self._random.randint(0, largest)
            self._lacking("file size", lambda most=most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))

    def few_descriptors(self, times: int) -> None:
        """Allow only so many open files, three of which are the standard streams."""
        for _ in range(times):
            most = self._random.randint(4, 20)
            self._lacking("descriptors", lambda most=most: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))

    def no_home(self, times: int) -> None:
        """Name places for the caches where nothing can be made."""
        nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TFDS_DATA_DIR"), "/dev/null/nowhere")
        for _ in range(times):
            done = self._lacking("home", lambda: os.environ.update(nowhere))
            assert done.code == 0, done

    def jumping_clock(self, times: int) -> None:
        """Have the clock jump by years, back and forth, whenever somebody looks."""
        for _ in range(times):
            random = Random(self._random.random())
            done = self._lacking("clock", lambda random=random: setattr(time, "time", lambda: random.uniform(-1e9, 4e9)))
            assert done.code == 0, done
            completed(["report", "run"])

    def small_disk(self, times: int) -> None:
        """Run on a disk of some kilobytes, which then becomes larger. Only root may mount one."""
        disk = Path("disk").absolute()
        disk.mkdir()
        for extra in range(times):
            size = f"size={4 * (TMPFS_PAGES + extra)}k"
            if subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(disk)], capture_output=True).returncode != 0:
                self.counts["small disk: cannot be mounted here"] += 1
                return
            try:
                done = forked([*ARGUMENTS, "--out", str(disk / "run")])
                self._count("small disk", done)
                subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
                self._go_on(disk / "run")
            finally:
                subprocess.run(["umount", str(disk)], check=True)

    def _lacking(self, what: str, disturb: Callable[[], object]) -> Forked:
        shutil.rmtree("run", ignore_errors=True)
        done = forked([*ARGUMENTS, "--out", "run"], disturb)
        self._count(what, done)
        self._go_on(Path("run"))
        return done

    def _count(self, what: str, done: Forked) -> None:
        assert done.is_documented, f"{what}: {done}"
        assert "Traceback" not in done.stderr, f"{what}: {done}"
        self.counts[f"{what}: {'as ever' if done.code == 0 else 'said in words'}"] += 1

    def _go_on(self, run: Path) -> None:
        completed([*ARGUMENTS, "--out", str(run), *(["--resume"] if runs_in(run) else [])])
        found: dict[str, Ending] = endings(run)
        assert found == self._due
        with suppress(OSError):
            assert not list(run.parent.glob(f".{run.name}.*.tmp")), "nothing is left behind"

"""Crash a search at each call that changes a file, resume it, and compare: `python -m tests.chaos.crash_points FOLDER STRIDE`.

The search runs in a fork of this process, which has imported what it needs and nothing that has threads. At the n-th call of
one of `CALLS` the fork ends as by `kill -9`: before the call, or with half of what it writes written. Then the machine may lose
its power as well: what no `fsync` has made durable of the journal is cut at a random place. Prints the counts as JSON.
"""

import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from automl_cli.cli.app import run as run_command
from automl_cli.store.artifact import read_artifact
from automl_cli.store.journal import read_trials
from automl_cli.store.run_directory import runs_in
from automl_cli.study import loop
from tests.chaos.cells import FORMULA
from tests.chaos.endings import Ending, ending
from tests.tables import BODIES, ROOT

CALLS = ("write", "fsync", "replace", "rename", "ftruncate", "truncate", "mkdir", "unlink")
"""Functions of `os` that change what is on the disk."""

CRASHED = 77
"""The exit code of a process that ended at its point."""

SECONDS = 60.0
"""No session takes so long."""


class Plot(NamedTuple):
    """A search to crash: its flags, and what is done before it (`--overwrite` needs something to replace)."""

    flags: tuple[str, ...]
    after: tuple[str, ...] = ()
    again: str = "--resume"


TINY = ("search-arch", "-q", "--space", str(ROOT / "tests/tiny_space.py"), "--space-option", "layers=2", *FORMULA[:4])
SEARCH = (*TINY, "--executor", "serial", "--workers", "1", "--in-flight", "3", "--trials", "7")

PLOTS = {
    "evolution": Plot((*SEARCH, "--strategy", "evolution", "--retrain-top", "2")),
    "repeats": Plot((*SEARCH, "--strategy", "local-search", "--repeat", "2")),
    "overwrite": Plot((*SEARCH, "--strategy", "random"), after=(*SEARCH, "--seed", "9"), again="--overwrite"),
    "start-from": Plot((*SEARCH, "--strategy", "evolution", "--start-from", "earlier"), after=(*SEARCH, "--out", "earlier")),
}


class Point(NamedTuple):
    """Where a session ends: at the n-th call, `torn` with half of its data written; `number` 0 is never reached."""

    number: int
    torn: bool = False


class Crash:
    """Counts the calls of this process, and ends it at its point. `synced` is the durable size of each file, by inode."""

    def __init__(self, point: Point) -> None:
        self.calls = 0
        self.synced: dict[int, int] = {}
        self._point = point
        for name in CALLS:
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            self.calls += 1
            if self.calls == self._point.number:
                if self._point.torn and name == "write":
                    function(given[0], given[1][: len(given[1]) // 2])
                self.say()
                os._exit(CRASHED)
            result = function(*given, **more)
            if name == "fsync":
                state = os.fstat(given[0])
                self.synced[state.st_ino] = state.st_size
            return result

        return call

    def say(self) -> None:
        """Tell the parent what is durable, and which modules were needed."""
        Path("said.json").write_text(json.dumps([self.calls, self.synced, sorted(sys.modules)]))


def crashed(arguments: list[str], point: Point) -> tuple[int, dict[str, int], list[str]]:
    """Run a command line in a fork up to its point. Return the calls it made, the durable sizes and the modules."""
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        _run_to(arguments, point)
    give_up_at = time.monotonic() + SECONDS
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > give_up_at:
            os.kill(child, 9)
            raise TimeoutError(f"{arguments} hangs behind {point}")
        time.sleep(0.002)
    code = os.waitstatus_to_exitcode(ended[1])
    if code not in (0, CRASHED):
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}: {Path('stderr.txt').read_text()}")
    calls, synced, modules = json.loads(Path("said.json").read_text())
    return (calls if code == 0 else -calls), synced, modules


def _run_to(arguments: list[str], point: Point) -> None:
    """Run a command line and end the process."""
    code = 70
    try:
        for number, mode in ((1, "stdout.txt"), (2, "stderr.txt")):
            os.dup2(os.open(mode, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        loop.PUBLISH_SECONDS = 0.0
        crash = Crash(point)
        code = run_command(arguments)
        crash.say()
        sys.stderr.flush()
    finally:
        os._exit(code)


def endings(run: Path) -> dict[str, Ending]:
    """Return what a search came to, or each of its repeats."""
    return {str(path.relative_to(run)): ending(path) for path in runs_in(run)}


class Crashes:
    """The crashes of one plot, drawn from a seed. `counts` says how many there were, and of what sort."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self._plot = PLOTS[name]
        self._random = Random(f"{name} {seed}")
        self._arguments = [*self._plot.flags, "--out", "run"]
        self._before()
        self.points, _, modules = crashed(self._arguments + self._over(), Point(0))
        for module in modules:  # so that no fork imports them again
            if module.startswith(("automl_cli", "search_spaces", "numpy", "rich")):
                with suppress(ImportError):
                    import_module(module)
        self._due = endings(Path("run"))

    def at_every(self, stride: int) -> None:
        """Crash at each `stride`-th point, in both ways, and compare how the search ends."""
        first = self._random.randrange(stride)
        for number in range(1 + first, self.points + 1, stride):
            for torn in (False, True):
                self._crash(Point(number, torn))

    def _crash(self, point: Point) -> None:
        self._before()
        arguments = self._arguments + self._over()
        while point.number:
            calls, synced, _ = crashed(arguments, point)
            if calls >= 0:
                break
            self.counts["crashes"] += 1
            if self._random.random() < 0.5:
                self._lose_power(synced)
            self._check_published()
            again = self._random.random() < 0.3
            point = Point(self._random.randint(1, self.points) if again else 0, self._random.random() < 0.5)
            arguments = self._arguments + self._again()
        crashed(self._arguments + self._again(), Point(0))
        self.counts["compared"] += 1
        assert endings(Path("run")) == self._due, f"another end behind {point}"

    def _before(self) -> None:
        for path in Path.cwd().iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self._plot.after:
            crashed([*self._plot.after, *([] if "--out" in self._plot.after else ["--out", "run"])], Point(0))

    def _over(self) -> list[str]:
        return ["--overwrite"] if self._plot.again == "--overwrite" else []

    def _again(self) -> list[str]:
        begun = bool(runs_in(Path("run")))
        return [self._plot.again] if begun or self._plot.again == "--overwrite" else []

    def _lose_power(self, synced: dict[str, int]) -> None:
        """Cut each journal somewhere behind what was durable of it."""
        for journal in Path("run").rglob("journal.jsonl"):
            state = journal.stat()
            durable = synced.get(str(state.st_ino), state.st_size)
            if durable < state.st_size:
                os.truncate(journal, self._random.randint(durable, state.st_size))
                self.counts["cut by a loss of power"] += 1

    def _check_published(self) -> None:
        """Check that the journal names the trial that `best.json` holds."""
        for run in runs_in(Path("run")):
            if (run / "best.json").is_file() and self._plot.again == "--resume":
                genotype = read_artifact(run / "best.json", BODIES["architecture"]).body.found.genotype
                told = [trial.task.genotype for trial in read_trials(run / "journal.jsonl")]
                assert genotype in told, f"best.json of {run} names what its journal does not hold"
                self.counts["best.json looked up in its journal"] += 1


def main() -> None:
    """Crash each plot in a folder of its own, and print the counts."""
    folder, stride = Path(sys.argv[1]), int(sys.argv[2])
    counts: dict[str, dict[str, int]] = {}
    for name in PLOTS:
        (folder / name).mkdir()
        os.chdir(folder / name)
        crashes = Crashes(name)
        crashes.at_every(stride)
        counts[name] = {"points": crashes.points, **crashes.counts}
    print(json.dumps(counts))


if __name__ == "__main__":
    main()

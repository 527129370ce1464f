"""Crash a search at each call that changes a file, resume it, and compare.

At the n-th call of one of `CALLS` the fork ends as by `kill -9`: before the call, or with half of what it writes written. Then
the machine may lose its power as well: what no `fsync` has made durable of the journal is cut at a random place.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from automl_cli.store.artifact import decode_artifact
from automl_cli.store.ledger import read_trials
from automl_cli.store.run_layout import runs_in
from tests.chaos.cells import FORMULA, TABLE
from tests.chaos.endings import endings
from tests.chaos.forks import completed, forked, import_what_is_needed
from tests.tables import BODIES, ROOT

CALLS = ("write", "fsync", "replace", "rename", "ftruncate", "truncate", "mkdir", "unlink")
"""Functions of `os` that change what is on the disk."""

CRASHED = 77
"""The exit code of a process that ended at its point."""


class Plot(NamedTuple):
    """A search to crash: its flags, and what is done before it (`--overwrite` needs something to replace)."""

    flags: tuple[str, ...]
    after: tuple[str, ...] = ()
    again: str = "--resume"


TINY = ("search-arch", "-q", "--space", str(ROOT / "tests/tiny_space.py"), "--space-option", "layers=2", *FORMULA[:4])
SIZE = ("--executor", "serial", "--workers", "1", "--in-flight", "3", "--trials", "7")
SEARCH = (*TINY, *SIZE)

PLOTS = {
    "evolution": Plot((*SEARCH, "--strategy", "evolution", "--retrain-top", "2")),
    "table": Plot(("search-cell", "-q", *TABLE, *SIZE, "--strategy", "surrogate", "--replicates", "2")),
    "repeats": Plot((*SEARCH, "--strategy", "local-search", "--repeat", "2")),
    "overwrite": Plot((*SEARCH, "--strategy", "random"), after=(*SEARCH, "--seed", "9"), again="--overwrite"),
    "start-from": Plot((*SEARCH, "--strategy", "evolution", "--start-from", "earlier"), after=(*SEARCH, "--out", "earlier")),
}


class Point(NamedTuple):
    """Where a session ends: at the n-th call, `torn` with half of its data written; `number` 0 is never reached."""

    number: int
    torn: bool = False


SAID = Path("said.json")
"""How many calls a fork made, and the durable size of each file, by inode."""


class Crash:
    """Counts the calls of this process, and ends it at its point. It says what it knows whenever that changes."""

    def __init__(self, point: Point) -> None:
        self.calls = 0
        self.synced: dict[int, int] = {}
        self._point = point
        self._said = os.open(SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._write, self._truncate = os.pwrite, os.ftruncate
        for name in CALLS:
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            self.calls += 1
            if self.calls == self._point.number:
                if self._point.torn and name == "write":
                    function(given[0], given[1][: len(given[1]) // 2])
                os._exit(CRASHED)
            result = function(*given, **more)
            if name == "fsync":
                state = os.fstat(given[0])
                self.synced[state.st_ino] = state.st_size
            self._say()
            return result

        return call

    def _say(self) -> None:
        said = json.dumps([self.calls, self.synced]).encode()
        self._truncate(self._said, 0)
        self._write(self._said, said, 0)


def crashed(arguments: list[str], point: Point) -> tuple[bool, int, dict[str, int]]:
    """Run a command line in a fork up to its point. Return whether it crashed there, its calls and the durable sizes."""
    done = forked(arguments, lambda: Crash(point))
    if done.code not in (0, CRASHED):
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.code}: {done.stderr}")
    calls, synced = json.loads(SAID.read_text() or "[0, {}]")
    return done.code == CRASHED, calls, synced


class Crashes:
    """The crashes of one plot, drawn from a seed. `counts` says how many there were, and of what sort."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self._plot = PLOTS[name]
        self._random = Random(f"{name} {seed}")
        self._arguments = [*self._plot.flags, "--out", "run"]
        self._before()
        import_what_is_needed(self._arguments + self._over())
        self._before()
        _, self.points, _ = crashed(self._arguments + self._over(), Point(0))
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
            hit, _, synced = crashed(arguments, point)
            if not hit:
                break
            self.counts["crashes"] += 1
            if self._random.random() < 0.5:
                self._lose_power(synced)
            self._check_published()
            again = self._random.random() < 0.3
            point = Point(self._random.randint(1, self.points) if again else 0, self._random.random() < 0.5)
            arguments = self._arguments + self._again()
        completed(self._arguments + self._again())
        self.counts["compared"] += 1
        assert endings(Path("run")) == self._due, f"another end behind {point}"

    def _before(self) -> None:
        for path in Path.cwd().iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self._plot.after:
            completed([*self._plot.after, *([] if "--out" in self._plot.after else ["--out", "run"])])

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
                best = run / "best.json"
                genotype = decode_artifact(best.read_bytes(), str(best), BODIES).body.found.genotype
                told = [trial.task.genotype for trial in read_trials(run / "journal.jsonl")]
                assert genotype in told, f"best.json of {run} names what its journal does not hold"
                self.counts["best.json looked up in its journal"] += 1

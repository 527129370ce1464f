"""Storms: a search as a user starts it, whose driver and workers are killed at random moments, until it is complete.

    driver storm   the driver is killed and the search resumed; it must end as the search that nobody disturbed
    worker storm   workers are killed; their trials end as `killed`, which a study records like any other end. It must end as
                   the study in which those trials end so and nothing else happens

Moments are drawn from a seed: while the search is planned, when a trial was asked, while children train, when one was told,
when `best.json` is published, while the best are retrained. Where in the program a kill hits is up to the machine.
"""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

from automl_cli.core.trials import Outcome, Status, Task
from automl_cli.executors.serial import SerialExecutor
from automl_cli.plugins.discovery import open_space
from automl_cli.store.artifact import artifact_of
from automl_cli.store.run_directory import create_run, recorded_settings
from automl_cli.study.session import make_strategy, run_study, setup_of
from tests.chaos.cells import Cell
from tests.chaos.endings import Ending, Key, ending
from tests.cli.searches import start
from tests.executors.test_executors import children_of, is_alive, until

PATIENCE_SECONDS = 300.0
"""No session takes so long, whatever else the machine does; a search that hangs is a fault."""

MOMENTS = ("planning", "asked", "training", "told", "publishing", "retraining")

DRIVER_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
WORKER_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)

BY_SIGNAL = "the worker ended with signal "
"""What a trial says whose worker got a signal other than SIGKILL."""


class Storm:
    """The storms over one cell, all drawn from one seed. `kills` counts them by victim, moment and signal."""

    def __init__(self, cell: Cell, folder: Path, seed: int) -> None:
        self.cell = cell
        self.folder = folder
        self.kills: Counter[tuple[str, str, str]] = Counter()
        self.planning_seconds = 1.0
        self._random = Random(f"{cell.name} {seed}")
        self._runs = 0

    def undisturbed(self) -> Ending:
        """Return how the search ends that nobody disturbs; `planning_seconds` is then what it took to begin."""
        run = self.folder / "undisturbed"
        began = time.monotonic()
        with session(self.cell, run) as process:
            if reached(process, lambda: count(run, b'"asked"') > 0):
                self.planning_seconds = time.monotonic() - began
            finish(process)
        return ending(run)

    def on_drivers(self, kills: int) -> Iterator[Ending]:
        """Kill drivers so many times, and yield how each search ended whose driver was killed."""
        while kills > 0:
            run, killed = self._new_run(), 0
            while kills > 0 and self._killed_driver(run):
                kills, killed = kills - 1, killed + 1
            complete(self.cell, run)
            if killed:
                yield ending(run)

    def on_workers(self, kills: int) -> Iterator[tuple[Ending, Ending]]:
        """Kill workers so many times, and the driver once after them; yield how each search ended, and how it has to."""
        while kills > 0:
            run = self._new_run()
            with session(self.cell, run) as process:
                before = kills
                while kills > 0 and self._killed_worker(run, process):
                    kills -= 1
                if process.poll() is None and before > kills:
                    self._hit("driver", "after workers", process.pid, signal.SIGKILL)
                process.wait(timeout=PATIENCE_SECONDS)
            complete(self.cell, run)
            if before > kills:
                yield ending(run), as_recorded(run, self.folder / f"{run.name}-as-recorded")

    def _new_run(self) -> Path:
        self._runs += 1
        assert self._runs < 50, f"{self.cell.name} ends before anything can be killed"
        return self.folder / f"run-{self._runs}"

    def _killed_driver(self, run: Path) -> bool:
        """Return whether a session was killed before it ended by itself."""
        moment, number = self._moment(run), self._random.choice(DRIVER_SIGNALS)
        with session(self.cell, run) as process:
            if not self._wait(run, process, moment):
                return False
            workers = children_of(process.pid) if number == signal.SIGKILL else []
            self._hit("driver", moment, process.pid, number)
            process.wait(timeout=PATIENCE_SECONDS)
        assert until(lambda: not any(map(is_alive, workers)), 30), "no worker outlives its driver"
        return True

    def _killed_worker(self, run: Path, process: "subprocess.Popen[str]") -> bool:
        moment, number = self._moment(run), self._random.choice(WORKER_SIGNALS)
        if not self._wait(run, process, moment):
            return False
        workers: list[int] = []
        if not reached(process, lambda: bool(workers.extend(children_of(process.pid)) or workers)):
            return False
        return self._hit("worker", moment, self._random.choice(workers), number)

    def _hit(self, victim: str, moment: str, process: int, number: signal.Signals) -> bool:
        with suppress(ProcessLookupError):
            os.kill(process, number)
            self.kills[victim, moment, number.name] += 1
            return True
        return False

    def _moment(self, run: Path) -> str:
        """Return one of the moments that are still to come."""
        asked = count(run, b'"asked"')
        if asked >= self.cell.trials:
            return "planning" if count(run, b'"stage":"retrain"') else "retraining"
        return self._random.choice(MOMENTS)

    def _wait(self, run: Path, process: "subprocess.Popen[str]", moment: str) -> bool:
        """Wait for the moment, and return whether the process is still there."""
        random, best = self._random, run / "best.json"
        more, published = random.randint(1, 6), changed_at(best)
        come: dict[str, Callable[[], bool]] = {
            "planning": lambda: True,
            "asked": after(run, b'"asked"', more),
            "training": after(run, b'"asked"', more),
            "told": after(run, b'"told"', more),
            "publishing": lambda: changed_at(best) != published or any(run.glob(".best.json.*")),
            "retraining": after(run, b'"stage":"retrain"', random.randint(1, 3)),
        }
        delay = {"planning": self.planning_seconds, "training": 0.05, "retraining": 0.05}.get(moment, 0.0)
        if not reached(process, come[moment]):
            return False
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=random.uniform(0.0, delay))
        return process.poll() is None


class AsRecorded:
    """An executor that evaluates in this process. Tasks that a signal ended in the record end as they are recorded."""

    def __init__(self, told: dict[Key, Outcome], serial: SerialExecutor) -> None:
        self.ended_by_signal = {key: outcome for key, outcome in told.items() if by_signal(outcome)}
        self._serial = serial
        self._ready: list[tuple[Task, Outcome]] = []

    def submit(self, *tasks: Task) -> None:
        """Accept tasks that are evaluated together."""
        for task in tasks:
            if (outcome := self.ended_by_signal.get((task.stage, task.trial))) is None:
                self._serial.submit(task)
            else:
                self._ready.append((task, outcome))

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        """Return one of the tasks, with its outcome."""
        return self._ready.pop() if self._ready else self._serial.wait(timeout_seconds)

    def close(self) -> None:
        """Drop the tasks that wait."""
        self._serial.close()
        self._ready.clear()


def as_recorded(run: Path, beside: Path) -> Ending:
    """Return how the study of a run ends in one process and one session, where what a signal ended is as recorded."""
    settings = recorded_settings(run)
    space = open_space(settings.space)
    told = {key: outcome for key, (outcome, _) in ending(run).told.items()}
    executor = AsRecorded(told, SerialExecutor(setup_of(settings)))
    with create_run(beside, artifact_of(settings, settings.inputs)) as directory, closing(executor):
        run_study(directory, settings, space=space, strategy=make_strategy(settings, space), executor=executor)
    return ending(beside)


def by_signal(outcome: Outcome) -> bool:
    """Return whether a signal to its worker ended a trial."""
    return outcome.status is Status.KILLED or (outcome.status is Status.FAILED and BY_SIGNAL in outcome.message)


def session(cell: Cell, run: Path) -> "subprocess.Popen[str]":
    """Start the search, or resume it where it has begun. What it says goes to a file beside the run."""
    resume = ["--resume"] if (run / "study.json").exists() else []
    with run.with_name(f"{run.name}.txt").open("a") as said:
        return start([*cell.arguments(run), *resume], stdout=subprocess.DEVNULL, stderr=said)


def complete(cell: Cell, run: Path) -> None:
    """Resume the search until it has ended by itself."""
    with session(cell, run) as process:
        finish(process)


def finish(process: "subprocess.Popen[str]") -> None:
    """Wait for the end of a search, which must be a good one."""
    code = process.wait(timeout=PATIENCE_SECONDS)
    assert code == 0, f"{process.args} ended with {code}"


def reached(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> bool:
    """Return whether the condition comes true before the process ends."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None:
        if condition():
            return True
        assert time.monotonic() < give_up_at, f"{process.args} hangs"
        time.sleep(0.003)
    return False


def count(run: Path, text: bytes) -> int:
    """Return how often a text stands in the journal."""
    with suppress(FileNotFoundError):
        return (run / "journal.jsonl").read_bytes().count(text)
    return 0


def after(run: Path, text: bytes, more: int) -> Callable[[], bool]:
    """Return whether a text stands in the journal so many times more than now."""
    wanted = count(run, text) + more
    return lambda: count(run, text) >= wanted


def changed_at(path: Path) -> int:
    """Return the time of the last change of a file in nanoseconds; 0 where there is none."""
    with suppress(FileNotFoundError):
        return path.stat().st_mtime_ns
    return 0

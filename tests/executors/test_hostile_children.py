"""Children that take all memory, crash, exit, hang or start others: their own trial ends, and nothing else."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from automl_cli.core.errors import UserError
from automl_cli.core.sizes import UNITS, bytes_of, size_in_words
from automl_cli.core.trials import Status
from automl_cli.executors import local, memory_watch
from automl_cli.executors.local import LocalExecutor
from automl_cli.executors.memory_watch import KernelKills, MemoryWatch
from automl_cli.executors.worker_process import WorkerProcess
from automl_cli.system.control_groups import MemoryLimit
from automl_cli.system.warden import Warden
from tests.cli.searches import search, start
from tests.executors.test_executors import children_of, is_alive, outcomes, setup, task, until

MIB = UNITS["MiB"]


def test_a_child_that_takes_too_much_or_crashes_ends_alone_and_says_why() -> None:
    tasks = [task(trial) for trial in range(4)]
    faults = {"1.0": "allocate", "2.0": "crash"}
    found = outcomes(LocalExecutor(setup(faults=faults), workers=1, memory_limit_bytes=200 * MIB), tasks)
    assert [found[trial].status for trial in range(4)] == [Status.OK, Status.OUT_OF_MEMORY, Status.KILLED, Status.OK]
    assert found[1].message.endswith("MiB, and --memory-limit is 200MiB; it was ended")
    assert found[2].message.startswith("the worker was ended by signal SIGSEGV: Fatal Python error: Segmentation fault")
    assert "analytic.py" in found[2].message, "the place in the code"
    assert children_of(os.getpid()) == []


def test_a_worker_that_the_kernel_killed_ran_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that are killed while the kernel counts one, one was killed by somebody."""
    counts = iter([5, 6, 6])
    monkeypatch.setattr(memory_watch, "memory_kills", lambda: next(counts))
    tasks = [task(trial, genotype=(2, 2)) for trial in range(2)]
    found = outcomes(LocalExecutor(setup(faults={"2.2": "kill"}), workers=1), tasks)
    assert [found[trial].status for trial in range(2)] == [Status.OUT_OF_MEMORY, Status.KILLED]
    assert found[0].message.startswith("the kernel ended the worker: the memory of the container")


def test_a_worker_that_is_ended_for_memory_behind_its_child_is_given_no_other() -> None:
    executor = LocalExecutor(setup(), workers=1, memory_limit_bytes=1000 * MIB)
    with contextlib.closing(executor):
        executor.submit(task(0))
        assert executor.wait(timeout_seconds=60) is not None
        executor.submit(task(1))
        assert until(lambda: executor._events.qsize() > 0), "its answer is there"
        executor._workers[0].end_for_memory("took too much")
        executor.submit(task(2))
        ended = [executor.wait(timeout_seconds=60) for _ in range(2)]
    assert [(one[0].trial, one[1].status) for one in ended if one is not None] == [(1, Status.OK), (2, Status.OK)]


def test_every_kill_of_the_kernel_is_put_down_to_one_death(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 3
    monkeypatch.setattr(memory_watch, "memory_kills", lambda: count)
    kills = KernelKills()
    assert not kills.one_more()
    count = 5
    assert [kills.one_more() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("code", "words", "status"),
    [
        (-signal.SIGABRT, "terminate called after throwing an instance of 'std::bad_alloc'", Status.OUT_OF_MEMORY),
        (-signal.SIGABRT, "LLVM ERROR: out of memory", Status.OUT_OF_MEMORY),
        (-signal.SIGABRT, "Check failed: rank == 2", Status.KILLED),
        (-signal.SIGBUS, "", Status.KILLED),
        (-63, "", Status.KILLED),
        (1, "cannot allocate memory", Status.FAILED),
    ],
)
def test_the_cause_of_a_death_is_told_by_signal_and_last_words(
    code: int, words: str, status: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker: Any = object.__new__(WorkerProcess)
    with (tmp_path / "log").open("wb+") as log:
        worker._log, worker._condemned = log, ""
        worker._process = type("Ended", (), {"wait": lambda self, timeout: code})()
        log.write(words.encode())
        found, message = worker.autopsy(lambda: False)
    assert found is status
    assert message.endswith(words)


class Holding:
    """A worker that holds so many bytes, as far as a watch can tell."""

    def __init__(self, process_id: int) -> None:
        self.process_id = process_id
        self.why = ""

    def end_for_memory(self, why: str) -> None:
        """Note why."""
        self.why = why


@pytest.mark.parametrize(("left", "held", "ended"), [(40, (300, 700), 1), (60, (300, 700), None), (40, (300, 400), None)])
def test_of_a_crowded_container_the_largest_worker_is_ended_unless_others_crowd_it(
    left: int, held: tuple[int, int], ended: int | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit = MemoryLimit(tmp_path, 1000, 2)
    monkeypatch.setattr(MemoryLimit, "used_bytes", lambda self: 1000 - left)
    monkeypatch.setattr(memory_watch, "memory_limits", lambda: (limit,))
    workers = [Holding(0), Holding(1)]
    watch = MemoryWatch(None, fair_bytes=500)
    monkeypatch.setattr(watch, "_held_by", lambda process: held[process])
    watch._workers = tuple(workers)
    assert watch._ended_one() == (ended is not None)
    assert [bool(worker.why) for worker in workers] == [at == ended for at in range(2)]


def test_where_there_is_no_limit_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_watch, "memory_limits", tuple)
    watch = MemoryWatch(None, fair_bytes=1)
    watch.watch([Holding(os.getpid())])
    assert watch._thread is None
    watch.close()


STARTS_OTHERS = """
import multiprocessing, os, subprocess, sys, time

def start_others():
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,)).start()
    other = subprocess.Popen(["sleep", "600"])
    memory = "held = bytearray(b'x') * (150 * 2**20); import time; time.sleep(600)"
    more = subprocess.Popen([sys.executable, "-c", memory])
    with open(os.environ["FOUND_AT"], "w") as file:
        file.write(f"{other.pid} {more.pid}")

from automl_cli.evaluators import analytic
analytic._FAULTS["hang"] = lambda: (start_others(), time.sleep(600))
analytic._FAULTS["kill"] = lambda: (start_others(), os.kill(os.getpid(), 9))
"""


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[int]]]:
    """What children that hang or are killed have started before, by process id: `sitecustomize` makes them start it."""
    (tmp_path / "sitecustomize.py").write_text(STARTS_OTHERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("FOUND_AT", str(tmp_path / "found"))
    started: list[int] = []

    def found() -> list[int]:
        assert until(lambda: (tmp_path / "found").exists() and bool((tmp_path / "found").read_text()))
        started.extend(map(int, (tmp_path / "found").read_text().split()))
        return started

    yield found
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize(
    ("fault", "limits", "status"),
    [
        ("hang", {"timeout_seconds": 2.0}, Status.TIMEOUT),
        ("hang", {"memory_limit_bytes": 150 * MIB}, Status.OUT_OF_MEMORY),
        ("kill", {}, Status.KILLED),
    ],
)
def test_what_a_child_has_started_ends_with_it_and_counts_as_its_memory(
    fault: str, limits: dict[str, Any], status: Status, others: Callable[[], list[int]]
) -> None:
    with contextlib.closing(LocalExecutor(setup(faults={"0.0": fault}), workers=1, **limits)) as executor:
        executor.submit(task(0))
        ended = executor.wait(timeout_seconds=30)
        assert ended is not None
        assert ended[1].status is status
        processes = others()
        assert until(lambda: not any(map(is_alive, processes)))


PARENT = """
from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Task
from automl_cli.executors.local import LocalExecutor
from automl_cli.store.encoding import decode
executor = LocalExecutor(decode({setup!r}, EvaluatorSetup, "setup"), workers=1)
executor.submit(Task(0, (0, 0), 1, 1))
executor.wait()
"""


def test_what_a_child_has_started_ends_with_a_search_that_is_killed(others: Callable[[], list[int]]) -> None:
    from automl_cli.store import encoding

    code = PARENT.format(setup=encoding.line(setup(faults={"0.0": "hang"})))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
        processes = others()
        assert all(map(is_alive, processes))
        process.kill()
    assert until(lambda: not any(map(is_alive, processes)))


def test_a_warden_that_is_dismissed_ends_nobody() -> None:
    with subprocess.Popen(["sleep", "60"], process_group=0) as one:
        warden = Warden()
        warden.guard([one.pid])
        warden.close()
        time.sleep(0.1)
        assert one.poll() is None
        one.kill()


def test_workers_leave_signals_to_the_search() -> None:
    """A scheduler sends them to all processes of a job: a trial that was under way is none that was killed."""
    with contextlib.closing(LocalExecutor(setup(seconds=0.5), workers=1)) as executor:
        executor.submit(task(0))
        assert executor.wait(timeout_seconds=60) is not None
        executor.submit(task(1))
        for worker in children_of(os.getpid()):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                os.kill(worker, number)
        ended = executor.wait(timeout_seconds=60)
        assert ended is not None
        assert ended[1].status is Status.OK


def test_signals_to_a_worker_that_is_starting_are_left_to_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen

    def start_and_signal(*given: Any, **settings: Any) -> Any:
        process = start(*given, **settings)
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
            process.send_signal(number)
        return process

    monkeypatch.setattr(subprocess, "Popen", start_and_signal)
    assert outcomes(LocalExecutor(setup(), workers=1), [task(0)])[0].status is Status.OK


def test_a_search_that_is_killed_right_after_its_worker_has_no_trial_that_was_killed(tmp_path: Path) -> None:
    journal = tmp_path / "run" / "journal.jsonl"
    with start(search("-q", out=tmp_path / "run", trials=2000, workers=1, evaluator_option="seconds=0.05")) as process:
        assert until(lambda: journal.exists() and b'"told"' in journal.read_bytes(), 60)
        for one in (*children_of(process.pid), process.pid):
            os.kill(one, signal.SIGKILL)
    assert b'"killed"' not in journal.read_bytes()


def test_a_worker_that_holds_much_of_its_limit_is_replaced_so_that_the_next_child_does_not_pay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[int] = []
    start = LocalExecutor._start
    monkeypatch.setattr(LocalExecutor, "_start", lambda self, slot: (started.append(slot), start(self, slot))[1])
    monkeypatch.setattr(local, "SHARE_OF_LIMIT", 0.001)
    tasks = [task(trial) for trial in range(2)]
    found = outcomes(LocalExecutor(setup(), workers=1, memory_limit_bytes=1000 * MIB), tasks)
    assert [found[trial].status for trial in range(2)] == [Status.OK] * 2
    assert len(started) == 2


@pytest.mark.parametrize("text", ["2GB", "1536MiB", "1001B", "7TB", "3KiB"])
def test_a_size_is_written_as_it_is_read(text: str) -> None:
    assert size_in_words(bytes_of(text)) == text


@pytest.mark.parametrize("text", ["", "much", "-2GB", "2 GBs", "0", "nan", "1e9", "2,5GB", "９GB", "9999999TB"])
def test_what_is_no_size_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(UserError, match=r"--memory-limit is .*(such as 2GB|must lie between 64MiB and)"):
        bytes_of(text, what="--memory-limit", at_least=64 * MIB)

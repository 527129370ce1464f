"""Executors: the same outcomes everywhere, whatever children and workers do; no worker outlives its parent."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EvaluatorSetup, Executor
from automl_cli.core.spaces import SpaceReference
from automl_cli.core.trials import EvaluatorSpec, Outcome, Status, Task
from automl_cli.evaluators import analytic
from automl_cli.executors import local
from automl_cli.executors.local import LocalExecutor
from automl_cli.executors.messages import Setup
from automl_cli.executors.serial import SerialExecutor
from automl_cli.executors.worker_process import WorkerProcess
from automl_cli.store import encoding

SPACE = SpaceReference(name="tiny", version=1, options={"layers": 2}, file=str(Path(__file__).parent.parent / "tiny_space.py"))


def setup(**settings: Any) -> EvaluatorSetup:
    return EvaluatorSetup(EvaluatorSpec("analytic", {"noise": 0.1, **settings}), SPACE)


def task(trial: int, *, genotype: tuple[int, ...] | None = None) -> Task:
    return Task(trial, (trial % 3, trial // 3 % 3) if genotype is None else genotype, seed=100 + trial, epochs=2)


def outcomes(executor: Executor, tasks: list[Task]) -> dict[int, Outcome]:
    """All outcomes by trial, without what depends on the clock and the place."""
    with contextlib.closing(executor):
        for item in tasks:
            executor.submit(item)
        found = {}
        for _ in tasks:
            ended = executor.wait(timeout_seconds=60)
            assert ended is not None
            found[ended[0].trial] = msgspec.structs.replace(ended[1], seconds=0.0, worker="")
    return found


FAULTS = {"0.1": "raise", "0.2": "diverge", "1.0": "memory", "1.1": "xla-memory", "1.2": "print"}
STATUSES = {
    (0, 1): Status.FAILED,
    (0, 2): Status.DIVERGED,
    (1, 0): Status.OUT_OF_MEMORY,
    (1, 1): Status.OUT_OF_MEMORY,
}


def test_local_gives_the_outcomes_of_serial_with_any_number_of_workers() -> None:
    tasks = [task(trial) for trial in range(9)]
    reference = outcomes(SerialExecutor(setup(faults=FAULTS)), tasks)
    assert [reference[t.trial].status for t in tasks] == [STATUSES.get(t.genotype, Status.OK) for t in tasks]
    for workers in (1, 3):
        assert outcomes(LocalExecutor(setup(faults=FAULTS), workers=workers), tasks) == reference


def test_a_failed_child_says_what_and_where() -> None:
    found = outcomes(SerialExecutor(setup(faults={"0.0": "raise"})), [task(0)])
    assert re.fullmatch(r"RuntimeError: the child broke \(analytic\.py:\d+ in _raise\)", found[0].message)


@pytest.mark.parametrize("group", [1, 3])
def test_a_child_that_exits_has_failed_and_those_after_it_are_measured(group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(analytic._FAULTS, "exit", lambda: sys.exit(3))
    executor = SerialExecutor(setup(faults={"1.0": "exit"}))
    executor.submit(*map(task, range(1, 1 + group)))
    executor.submit(task(5))
    ended = [executor.wait() for _ in range(group + 1)]
    found = [item[1] for item in ended if item is not None]
    assert [outcome.status for outcome in found] == [Status.FAILED] * group + [Status.OK]
    assert "SystemExit: 3" in found[0].message


def test_a_worker_that_dies_fails_its_own_task_only_and_is_replaced() -> None:
    tasks = [task(0), task(1, genotype=(2, 2)), task(2, genotype=(1, 1)), task(3)]
    found = outcomes(LocalExecutor(setup(faults={"2.2": "kill", "1.1": "exit"}), workers=1), tasks)
    assert [found[trial].status for trial in range(4)] == [Status.OK, Status.KILLED, Status.FAILED, Status.OK]
    assert found[1].message == "the worker was ended by signal SIGKILL"
    assert found[2].message == "the worker ended with exit code 3: last words"


def test_where_no_worker_can_be_started_the_tasks_fail_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: Any, **__: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    executor = LocalExecutor(setup(), workers=2)
    with monkeypatch.context() as full:
        full.setattr(subprocess, "Popen", no_room)
        executor.submit(task(0))
    executor.submit(task(1))
    with contextlib.closing(executor):
        ended = [executor.wait(timeout_seconds=60) for _ in range(2)]
    failed, done = (one[1] for one in ended if one is not None)
    assert failed.status is Status.FAILED
    assert failed.message == "no worker could be started: [Errno 11] Resource temporarily unavailable"
    assert done.status is Status.OK


def test_a_worker_that_cannot_be_listened_to_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    started, run = [], subprocess.Popen

    def note(*given: Any, **settings: Any) -> Any:
        started.append(run(*given, **settings))
        return started[-1]

    def no_room(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(subprocess, "Popen", note)
    monkeypatch.setattr(threading.Thread, "start", no_room)
    found = outcomes(LocalExecutor(setup(), workers=1), [task(0)])
    assert found[0].message == "no worker could be started: can't start new thread"
    assert [process.poll() for process in started] == [-signal.SIGKILL]


def test_where_another_worker_cannot_be_started_the_first_does_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    executor, started = LocalExecutor(setup(), workers=2), subprocess.Popen
    room = iter([True, *[False] * 100])

    def room_for_one(*given: Any, **settings: Any) -> Any:
        if next(room):
            return started(*given, **settings)
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", room_for_one)
    found = outcomes(executor, [task(trial) for trial in range(4)])
    assert [found[trial].status for trial in range(4)] == [Status.OK] * 4


def test_the_last_words_of_a_worker_that_printed_without_end_are_its_first_and_its_last(tmp_path: Path) -> None:
    worker = object.__new__(WorkerProcess)
    with (tmp_path / "log").open("wb+") as log:
        worker._log = log
        log.write(b"what went wrong " + b"x" * 2**22 + b" how it ended")
        words = worker._last_words()
        assert words.startswith(": what went wrong")
        assert words.endswith("how it ended")
        assert log.tell() == len(b"what went wrong ") + 2**22 + len(b" how it ended")
        log.truncate(0)
        log.seek(0)
        log.write(b"short")
        assert worker._last_words() == ": short"


def test_a_child_that_takes_too_long_is_ended_and_the_others_go_on() -> None:
    tasks = [task(0), task(1, genotype=(2, 2)), task(2)]
    found = outcomes(LocalExecutor(setup(faults={"2.2": "hang"}), workers=2, timeout_seconds=0.5), tasks)
    assert [found[trial].status for trial in range(3)] == [Status.OK, Status.TIMEOUT, Status.OK]
    assert found[1].message == "took longer than 0.5 s and was ended"


def test_wait_gives_up_when_it_was_told_to() -> None:
    with contextlib.closing(LocalExecutor(setup(faults={"0.0": "hang"}), workers=1)) as executor:
        executor.submit(task(0))
        started = time.monotonic()
        assert executor.wait(timeout_seconds=0.3) is None
        assert 0.3 <= time.monotonic() - started < 5


@pytest.mark.parametrize("executor", [SerialExecutor, LocalExecutor])
def test_an_evaluator_that_cannot_be_built_is_an_outcome(executor: Callable[..., Executor]) -> None:
    found = outcomes(executor(setup(function="two-max"), workers=1), [task(0), task(1)])
    for outcome in found.values():
        assert outcome.status is Status.FAILED
        assert outcome.message.startswith(
            "the evaluator 'analytic' cannot be built: ValidationError: Invalid enum value 'two-max'"
        )


class Counting(LocalExecutor):
    """Counts the workers it starts."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self.started = 0
        super().__init__(*arguments, **more)

    def _start(self, slot: int) -> bool:
        self.started += 1
        return super()._start(slot)


def test_a_worker_is_replaced_after_its_number_of_children() -> None:
    tasks = [task(trial) for trial in range(6)]
    executor = Counting(setup(), workers=1, children_per_worker=2)
    assert outcomes(executor, tasks) == outcomes(SerialExecutor(setup()), tasks)
    assert executor.started == 3


def test_a_worker_that_has_grown_or_run_out_of_memory_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [task(trial) for trial in range(4)]
    short = Counting(setup(faults={"1.0": "memory"}), workers=1)
    assert outcomes(short, tasks)[1].status is Status.OUT_OF_MEMORY
    assert short.started == 2
    monkeypatch.setattr(local, "memory_bytes", lambda: 1000)
    grown = Counting(setup(), workers=1)
    assert outcomes(grown, tasks) == outcomes(SerialExecutor(setup()), tasks)
    assert grown.started == 4


def test_a_closed_executor_takes_new_tasks() -> None:
    executor = LocalExecutor(setup(faults={"0.0": "hang"}), workers=1)
    executor.submit(task(0))
    executor.close()
    assert outcomes(executor, [task(1), task(2)]) == outcomes(SerialExecutor(setup()), [task(1), task(2)])


def test_workers_start_only_for_work_there_is() -> None:
    with contextlib.closing(LocalExecutor(setup(), workers=8)) as executor:
        executor.submit(task(0))
        assert executor.wait(timeout_seconds=60) is not None
        assert len(children_of(os.getpid())) == 1


def test_nothing_that_a_child_prints_reaches_our_output(capfd: pytest.CaptureFixture[str]) -> None:
    found = outcomes(LocalExecutor(setup(faults={"0.0": "print"}), workers=1), [task(0)])
    assert found[0].status is Status.OK
    assert capfd.readouterr() == ("", "")


def test_close_ends_every_worker_in_the_middle_of_a_task() -> None:
    executor = LocalExecutor(setup(faults={"0.0": "hang"}), workers=2)
    for trial in range(4):
        executor.submit(task(trial, genotype=(0, 0)))
    assert executor.wait(timeout_seconds=0.5) is None
    assert len(children_of(os.getpid())) == 2
    executor.close()
    assert children_of(os.getpid()) == []


PARENT = """
import sys
from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Task
from automl_cli.executors.local import LocalExecutor
from automl_cli.store.encoding import decode
executor = LocalExecutor(decode({setup!r}, EvaluatorSetup, "setup"), workers=2)
for trial in range(4):
    executor.submit(Task(trial, (trial % 3, 0), 1, 1))
executor.wait()
print("running", flush=True)
executor.wait()
"""


@contextlib.contextmanager
def parent_with_hanging_children() -> Iterator[subprocess.Popen[str]]:
    """A process whose two workers hang in a child, after it printed that it is running."""
    given = encoding.line(setup(faults={"1.0": "hang", "2.0": "hang"}))
    code = PARENT.replace("{setup!r}", repr(given))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_parent(end: signal.Signals) -> None:
    with parent_with_hanging_children() as process:
        workers = children_of(process.pid)
        assert len(workers) == 2
        process.send_signal(end)
        process.wait()
        assert until(lambda: not any(is_alive(worker) for worker in workers))


def test_a_worker_ends_with_its_input_where_no_kernel_kills_it() -> None:
    worker = [sys.executable, "-P", "-m", "automl_cli.executors.worker_main"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    first = Setup("0", os.getpid(), setup(faults={"0.0": "hang"}))
    with subprocess.Popen(worker, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(encoding.line(first) + encoding.line([task(0)]))
        process.stdin.flush()
        assert process.stdout.readline() == b'{"type":"ready"}\n'
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_serial_refuses_what_it_cannot_do() -> None:
    with pytest.raises(UserError, match="the serial executor has one worker, not 2; use --executor local"):
        SerialExecutor(setup(), workers=2)
    with pytest.raises(UserError, match="use --executor local with --trial-timeout"):
        SerialExecutor(setup(), timeout_seconds=3.0)


def children_of(process: int) -> list[int]:
    """The processes that a process started."""
    found = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in found.splitlines()]
    return [
        int(pid) for pid, parent, state in rows if int(parent) == process and not state.startswith("Z") and is_worker(int(pid))
    ]


def is_worker(process: int) -> bool:
    found = subprocess.run(["ps", "-o", "args=", "-p", str(process)], capture_output=True, text=True).stdout
    return "automl_cli.executors.worker_main" in found


def is_alive(process: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout.strip()
    return bool(found) and not found.startswith("Z")


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether the condition comes true in time."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if condition():
            return True
        time.sleep(0.05)
    return False

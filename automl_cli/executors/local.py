"""Run tasks in worker processes of this machine, one per core or per GPU. A worker that dies, hangs or grows is replaced. Each
has one task at a time, or several that were given together.

A worker is started when there is work for it and is kept between tasks, so that imports, data and compiled programs serve many
children. What happens to a worker happens to its task only.
"""

import math
import sys
import time
from collections import deque
from queue import Empty

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Outcome, Status, Task
from automl_cli.executors.memory_watch import KernelKills, MemoryWatch
from automl_cli.executors.messages import Done, Message, Ready, Unusable
from automl_cli.executors.worker_process import Events, WorkerProcess
from automl_cli.system.process import memory_bytes, process_settings, visible_gpus
from automl_cli.system.warden import Warden

CHILDREN_PER_WORKER = 500
"""A worker is replaced after so many children: whatever a library may hoard over the years, memory stays flat."""

SHARE_OF_MEMORY = 0.5
"""A worker is replaced when, after a child, it holds more than its share of this part of the machine's memory."""

SHARE_OF_LIMIT = 0.8
"""A worker is replaced when, after a child, it holds more than this part of `--memory-limit`: the next child is not to pay."""


class LocalExecutor:
    """Runs up to `workers` tasks at a time. A task that takes longer than `timeout_seconds` ends with status `timeout`, one
    whose worker takes more than `memory_limit_bytes` with `out-of-memory`.

    `machine_share` and `gpu_share` are the parts of the machine's memory, and of each GPU, that all workers together may take.
    """

    def __init__(
        self,
        setup: EvaluatorSetup,
        *,
        workers: int,
        timeout_seconds: float | None = None,
        memory_limit_bytes: int | None = None,
        children_per_worker: int = CHILDREN_PER_WORKER,
        machine_share: float = 1.0,
        gpu_share: float = 1.0,
    ) -> None:
        self._setup = setup
        self._timeout_seconds = timeout_seconds
        self._children_per_worker = children_per_worker
        fair = int(memory_bytes() * SHARE_OF_MEMORY * machine_share / workers)
        self._most_bytes = min(fair, int((memory_limit_bytes or sys.maxsize) * SHARE_OF_LIMIT))
        self._watch = MemoryWatch(memory_limit_bytes, fair_bytes=fair)
        self._kernel_kills = KernelKills()
        self._warden: Warden | None = None
        self._environments = _environments(workers, gpu_share)
        self._free_slots = deque(range(workers))
        self._workers: list[WorkerProcess] = []
        self._waiting: deque[tuple[Task, ...]] = deque()
        self._ended: deque[tuple[Task, Outcome]] = deque()
        self._events: Events = Events()

    def submit(self, *tasks: Task) -> None:
        """Accept tasks for one worker; they start when one is free."""
        self._waiting.append(tasks)
        self._put_to_work()

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        """Return the next task that ended, with its outcome; None when that takes longer than the time-out."""
        give_up_at = math.inf if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not self._ended:
            wake_at = min([give_up_at, *(worker.deadline for worker in self._workers if worker.deadline is not None)])
            try:
                worker, message = self._events.get(
                    timeout=None if wake_at == math.inf else max(0.0, wake_at - time.monotonic())
                )
            except Empty:
                self._end_overdue()
                if not self._ended and time.monotonic() >= give_up_at:
                    return None
                continue
            if not worker.ended:
                self._hear(worker, message)
            self._put_to_work()
        return self._ended.popleft()

    def close(self) -> None:
        """End all workers at once; tasks under way are dropped."""
        self._waiting.clear()
        self._ended.clear()
        for worker in list(self._workers):
            self._dismiss(worker)
        self._watch.close()
        if self._warden is not None:
            self._warden.close()
            self._warden = None

    def _put_to_work(self) -> None:
        """Give waiting tasks to idle workers, and start workers for the others while there is room."""
        for worker in self._workers:
            if self._waiting and not worker.starting and not worker.tasks:
                tasks = self._waiting.popleft()
                worker.give(tasks, None if self._timeout_seconds is None else time.monotonic() + self._allowed(tasks))
        coming = sum(worker.starting for worker in self._workers)
        while self._free_slots and coming < len(self._waiting) and self._start(self._free_slots[0]):
            self._free_slots.popleft()
            coming += 1

    def _allowed(self, tasks: tuple[Task, ...]) -> float:
        """Return the seconds after which tasks that were given together are overdue."""
        return (self._timeout_seconds or 0.0) * len(tasks)

    def _start(self, slot: int) -> bool:
        """Start a worker and return whether that succeeded.

        Where the system has no room for one, the other workers go on; without any other, all waiting tasks fail."""
        try:
            worker = WorkerProcess(self._setup, slot=slot, environment=self._environments[slot], events=self._events)
        except OSError as error:
            while self._waiting and not self._workers:
                outcome = Outcome(Status.FAILED, message=f"no worker could be started: {error}", worker=str(slot))
                self._ended.extend((task, outcome) for task in self._waiting.popleft())
            return False
        self._workers.append(worker)
        self._guard()
        return True

    def _guard(self) -> None:
        """Have all workers there are watched, and ended with this process."""
        self._watch.watch(self._workers)
        self._warden = self._warden or Warden()
        self._warden.guard(worker.process_id for worker in self._workers)

    def _hear(self, worker: WorkerProcess, message: Message | None) -> None:
        match message:
            case Ready():
                worker.starting = False
            case Done(outcomes, resident_bytes):
                self._conclude(worker, outcomes)
                worker.children += len(outcomes)
                grown = resident_bytes > self._most_bytes or worker.children >= self._children_per_worker
                if grown or worker.is_condemned or any(outcome.status is Status.OUT_OF_MEMORY for outcome in outcomes):
                    self._dismiss(worker)
            case Unusable(text):
                self._fail(worker, Status.FAILED, f"the evaluator {self._setup.evaluator.name!r} cannot be built: {text}")
            case None:
                self._fail(worker, *worker.autopsy(self._kernel_kills.one_more))

    def _conclude(self, worker: WorkerProcess, outcomes: tuple[Outcome, ...]) -> None:
        self._ended.extend(zip(worker.tasks, outcomes, strict=True))
        worker.tasks, worker.deadline = (), None

    def _fail(self, worker: WorkerProcess, status: Status, message: str, seconds: float = 0.0) -> None:
        """Fail the tasks of a worker, or the tasks that it was started for where it had none yet, and dismiss it."""
        if not worker.tasks and worker.starting and self._waiting:
            worker.tasks = self._waiting.popleft()
        outcome = Outcome(status, message=message, seconds=seconds, worker=str(worker.slot))
        self._conclude(worker, (outcome,) * len(worker.tasks))
        self._dismiss(worker)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.deadline is not None and now >= worker.deadline and self._timeout_seconds is not None:
                allowed = self._allowed(worker.tasks)
                self._fail(worker, Status.TIMEOUT, f"took longer than {allowed:g} s and was ended", allowed)
        self._put_to_work()

    def _dismiss(self, worker: WorkerProcess) -> None:
        worker.end()
        self._workers.remove(worker)
        self._guard()
        self._free_slots.append(worker.slot)


def _environments(workers: int, gpu_share: float = 1.0) -> list[dict[str, str]]:
    """Return the settings of each worker's process. GPUs are dealt out in turn."""
    gpus = visible_gpus()
    if not gpus:
        return [process_settings()] * workers
    per_gpu = math.ceil(workers / (len(gpus) * gpu_share))
    return [process_settings(gpus[slot % len(gpus)], workers_of_gpu=per_gpu) for slot in range(workers)]

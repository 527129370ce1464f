"""Run tasks on a Ray cluster, one actor per worker. What happens to a child happens to its task; what happens to a machine, to
none: its tasks are done elsewhere.

Ray starts the actors and tells when one is lost, and nothing more: no Ray Tune, no objects in its store, no exceptions that
travel.
"""

import math
import time
from collections import Counter, deque
from queue import Empty

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Cluster, Outcome, Status, Task
from automl_cli.executors.messages import Done, Ready, Unusable
from automl_cli.executors.outcomes import shortened
from automl_cli.executors.ray_cluster import connect, disconnect
from automl_cli.executors.ray_node import Hiring
from automl_cli.executors.ray_worker import Answer, RayEvents, RayWorker
from automl_cli.executors.sent_files import own_files
from automl_cli.store import encoding
from automl_cli.system.machine import current_environment

LOSSES = 3
"""A task whose workers were lost so often is tried once more; the next loss ends it as `killed`."""

SILENCE_SECONDS = 600.0
"""A worker that has said nothing so long after its child's time-out, which its node watches, is taken for lost."""

QUICK_SECONDS = 0.25
"""A worker whose last child took less is given the next one ahead, so that it need not wait for the message. Behind a longer
one the next would wait while others are idle."""

_LONGEST_CAUSE = 300


class RayExecutor:
    """Runs up to `workers` tasks at a time. A task that takes longer than `timeout_seconds` ends with status `timeout`, one
    whose child takes more than `memory_limit_bytes` with `out-of-memory`.

    The cluster is joined when there is work for it, and left by `close`.
    """

    def __init__(
        self,
        setup: EvaluatorSetup,
        *,
        workers: int,
        timeout_seconds: float | None = None,
        memory_limit_bytes: int | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        self._setup = setup
        self._timeout_seconds = timeout_seconds
        self._memory_limit_bytes = memory_limit_bytes
        self._cluster = cluster or Cluster()
        self._most_workers = workers
        self._free_slots = deque(range(workers))
        self._workers: list[RayWorker] = []
        self._waiting: deque[tuple[Task, ...]] = deque()
        self._ended: deque[tuple[Task, Outcome]] = deque()
        self._events: RayEvents = RayEvents()
        self._losses: Counter[tuple[Task, ...]] = Counter()
        self._lost_starts = 0

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
                left = None if wake_at == math.inf else max(0.0, wake_at - time.monotonic())
                worker, tasks, answer = self._events.get(timeout=left)
            except Empty:
                self._lose_silent()
                if time.monotonic() >= give_up_at:
                    return self._ended.popleft() if self._ended else None
                continue
            if not worker.ended:
                self._hear(worker, tasks, answer)
            self._put_to_work()
        return self._ended.popleft()

    def close(self) -> None:
        """End all workers at once and leave the cluster; tasks under way are dropped."""
        for worker in list(self._workers):
            self._dismiss(worker)
        self._waiting.clear()
        self._ended.clear()
        self._losses.clear()
        disconnect()

    def _put_to_work(self) -> None:
        """Give waiting tasks to idle workers, then one ahead to quick ones, and start workers while there is room."""
        for ahead in (0, 1):
            for worker in self._workers if self._waiting else ():
                free = not worker.starting and len(worker.given) == ahead and (worker.quick or not ahead)
                if free and self._waiting:
                    tasks = self._waiting.popleft()
                    worker.give(tasks, self._deadline(tasks))
        coming = sum(worker.starting for worker in self._workers)
        while self._free_slots and coming < len(self._waiting):
            self._start(self._free_slots.popleft())
            coming += 1

    def _deadline(self, tasks: tuple[Task, ...]) -> float | None:
        if self._timeout_seconds is None:
            return None
        return time.monotonic() + self._timeout_seconds * len(tasks) + SILENCE_SECONDS

    def _start(self, slot: int) -> None:
        ray = connect(self._cluster, workers=self._most_workers)
        hiring = Hiring(
            name=str(slot),
            evaluator=self._setup,
            files=own_files(self._setup),
            timeout_seconds=self._timeout_seconds,
            memory_limit_bytes=self._memory_limit_bytes,
            cluster=self._cluster,
            packages=current_environment().packages,
        )
        worker = RayWorker(ray, encoding.line(hiring), slot=slot, cluster=self._cluster, events=self._events)
        self._workers.append(worker)

    def _hear(self, worker: RayWorker, tasks: tuple[Task, ...], answer: Answer) -> None:
        match answer:
            case Ready():
                worker.starting, self._lost_starts = False, 0
            case Done(outcomes):
                self._conclude(worker, tasks, outcomes)
                worker.quick = max(outcome.seconds for outcome in outcomes) < QUICK_SECONDS
            case Unusable(text):
                self._fail(worker, Status.FAILED, text)
            case Exception():
                self._lose(worker, answer)

    def _lose(self, worker: RayWorker, cause: Exception) -> None:
        """Have what a worker that is gone was given done by another one, the first of it as often as that may be.

        Where Ray ended it because its machine was short of memory, the tasks are not tried again: they took that memory, or
        stood beside what took it."""
        words = f"{type(cause).__name__}: {shortened(' '.join(str(cause).split()), _LONGEST_CAUSE)}"
        tasks, self._lost_starts = next(iter(worker.given), ()), self._lost_starts + worker.starting
        if type(cause).__name__ == "OutOfMemoryError" and tasks:
            self._fail(worker, Status.OUT_OF_MEMORY, f"Ray ended the worker, since its machine was short of memory: {words}")
        elif tasks and self._losses[tasks] >= LOSSES:
            self._fail(worker, Status.KILLED, f"{LOSSES + 1} workers were lost one after the other; the last: {words}")
        elif self._lost_starts > LOSSES:
            self._fail(worker, Status.FAILED, f"no worker could be started: {words}")
        else:
            self._losses[tasks] += bool(tasks)
            self._dismiss(worker)

    def _lose_silent(self) -> None:
        """Take workers for lost that have said nothing for too long."""
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.deadline is not None and now >= worker.deadline:
                self._lose(worker, TimeoutError("the worker said nothing for too long"))
        self._put_to_work()

    def _conclude(self, worker: RayWorker, tasks: tuple[Task, ...], outcomes: tuple[Outcome, ...]) -> None:
        self._ended.extend(zip(tasks, outcomes, strict=True))
        self._losses.pop(tasks, None)
        worker.given.remove(tasks)
        worker.deadline = self._deadline(worker.given[0]) if worker.given else None

    def _fail(self, worker: RayWorker, status: Status, message: str) -> None:
        """Fail what a worker is at, or tasks that it was started for where it was given none yet, and dismiss it."""
        if not worker.given and self._waiting:
            worker.given.append(self._waiting.popleft())
        if worker.given:
            tasks, outcome = worker.given[0], Outcome(status, message=message, worker=str(worker.slot))
            self._conclude(worker, tasks, (outcome,) * len(tasks))
        self._dismiss(worker)

    def _dismiss(self, worker: RayWorker) -> None:
        """End a worker. What it was given and has not done waits again, before all else."""
        worker.end()
        self._waiting.extendleft(reversed(worker.given))
        worker.given.clear()
        self._workers.remove(worker)
        self._free_slots.append(worker.slot)

"""Hundreds of workers in simulated time: the study, the strategy and the journal are the real ones, and only the child sleeps.

The simulated clock goes on by what the driver really takes, for every ask, tell, message and write to the disk: the processor
time of this process, and the time that it waits for the disk, so that other work on the machine does not count. It skips to the
next event where the driver waits. Messages are encoded, go through a pipe and are decoded as those of `--executor local`. What
workers do themselves (reading the task, training, writing the outcome) costs the driver nothing.
"""

import heapq
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from automl_cli.core.protocols import Evaluator
from automl_cli.core.random_streams import stream
from automl_cli.core.trials import Outcome, Status, Task
from automl_cli.executors.messages import Done, Message
from automl_cli.executors.outcomes import attempt
from automl_cli.store import encoding

MEAN_SECONDS = 60.0
VARIATION = 0.5
"""Standard deviation of the length of a child over its mean; the lengths are log-normal."""
LOST = 0.01
"""The share of children that are lost with their worker, at a moment that is uniform over their length."""
START_SECONDS = 10.0
"""What a worker takes to start in place of a lost one."""


class Length(NamedTuple):
    """The seconds that a worker is busy with a child, and whether it is lost at their end."""

    seconds: float
    lost: bool


def length_of(trial: int) -> Length:
    """Draw the length of a child, a function of its trial."""
    random = stream(0, "length", trial)
    spread = math.log(1 + VARIATION**2)
    seconds = random.lognormvariate(math.log(MEAN_SECONDS) - spread / 2, math.sqrt(spread))
    lost = random.random() < LOST
    return Length(seconds * (random.random() if lost else 1.0), lost)


class SimulatedClock:
    """Seconds since it was made: those of this process, and those that were skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._free = 0.0
        self._disk = 0.0
        self._began = time.process_time()

    def __call__(self) -> float:
        """Return the simulated time."""
        return self._skipped + self.driver_seconds

    @property
    def driver_seconds(self) -> float:
        """Return what the driver took until now."""
        return time.process_time() - self._began - self._free + self._disk

    def timed_fsync(self, fsync: Callable[[int], None]) -> Callable[[int], None]:
        """Return the function with the time charged in which it waits for the disk."""

        def timed(descriptor: int) -> None:
            began, computed = time.perf_counter(), time.process_time()
            fsync(descriptor)
            self._disk += max(0.0, time.perf_counter() - began - (time.process_time() - computed))

        return timed

    def skip_to(self, at: float) -> None:
        """Wait until then, in no time."""
        self._skipped += max(0.0, at - self())

    @contextmanager
    def free(self) -> Iterator[None]:
        """Charge nothing for what is done inside."""
        began = time.process_time()
        yield
        self._free += time.process_time() - began


class SimulatedExecutor:
    """Gives tasks to simulated workers, oldest first. A lost child is `killed`, and a fresh worker starts, as with `local`."""

    def __init__(self, evaluator: Evaluator, *, workers: int, clock: SimulatedClock) -> None:
        self._evaluator = evaluator
        self._clock = clock
        self._idle = deque(range(workers))
        self._waiting: deque[Task] = deque()
        self._events: list[tuple[float, int, int, Task | None, bytes]] = []
        """End of a child, or start of a worker (no task): the time, a number that breaks ties, the worker, its message."""
        self._number = 0
        self._pipe = os.pipe()
        self.busy: list[tuple[float, float]] = []
        """Beginning and end of every child."""
        self.handed_over: list[tuple[float, float]] = []
        """For every task, simulated time and seconds of the driver when it was submitted."""

    def submit(self, *tasks: Task) -> None:
        """Accept tasks."""
        self._waiting.extend(tasks)
        self._put_to_work()
        self.handed_over.append((self._clock(), self._clock.driver_seconds))

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        """Skip to the next end of a child. There is no time-out here."""
        while True:
            at, _, worker, task, message = heapq.heappop(self._events)
            self._clock.skip_to(at)
            self._idle.append(worker)
            if task is None:
                self._put_to_work()
                continue
            outcome = self._heard(worker, message, at)
            self._put_to_work()
            return task, outcome

    def close(self) -> None:
        """Drop all tasks."""
        self._waiting.clear()
        self._events.clear()

    def _put_to_work(self) -> None:
        while self._waiting and self._idle:
            worker, task = self._idle.popleft(), self._waiting.popleft()
            self._through_pipe(encoding.line((task,)))
            began = self._clock()
            with self._clock.free():
                length = length_of(task.trial)
                outcome = attempt(self._evaluator, task, str(worker))
                message = b"" if length.lost else encoding.line(Done((outcome,), 10**9))
                self.busy.append((began, began + length.seconds))
                self._add(began + length.seconds, worker, task, message)

    def _heard(self, worker: int, message: bytes, at: float) -> Outcome:
        if not message:
            self._idle.remove(worker)
            self._add(at + START_SECONDS, worker, None, b"")
            return Outcome(Status.KILLED, message="the worker was killed from outside", worker=str(worker))
        self._through_pipe(message)
        done = encoding.decode(message, Message, "answer of a worker")  # type: ignore[arg-type]
        assert isinstance(done, Done)
        return done.outcomes[0]

    def _add(self, at: float, worker: int, task: Task | None, message: bytes) -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, worker, task, message))

    def _through_pipe(self, message: bytes) -> None:
        reader, writer = self._pipe
        os.write(writer, message)
        os.read(reader, len(message))


FILLED_SECONDS = 300.0
"""What came before is not counted: all workers begin with a child at once, and nothing holds up the first window."""


def steady(executor: SimulatedExecutor) -> tuple[float, float]:
    """The stretch that is counted, up to the last submission."""
    return FILLED_SECONDS, executor.handed_over[-1][0]


def busy_share(busy: list[tuple[float, float]], stretch: tuple[float, float], workers: int) -> float:
    """The share of the workers' time in this stretch that they are busy."""
    began, ended = stretch
    inside = sum(max(0.0, min(end, ended) - max(begin, began)) for begin, end in busy)
    return inside / (workers * (ended - began))


def window_alone(window: int, *, workers: int, trials: int, fixed: bool = False) -> float:
    """The busy share of the workers where a driver takes no time at all: what the order of the window alone costs."""
    now, asked, given, settled, opened = 0.0, 0, 0, 0, 0
    idle, ended, events, busy = workers, set[int](), list[tuple[float, int]](), list[tuple[float, float]]()
    while True:
        while asked < trials and (opened < window if fixed else asked - window < settled):
            asked, opened = asked + 1, opened + 1
        while idle and given < asked:
            length = length_of(given)
            busy.append((now, now + length.seconds))
            heapq.heappush(events, (now + length.seconds, given))
            given, idle = given + 1, idle - 1
        if asked == trials:
            return busy_share(busy, (FILLED_SECONDS, now), workers)
        now, trial = heapq.heappop(events)
        if trial < 0:
            idle += 1
            continue
        ended.add(trial)
        opened -= 1
        if length_of(trial).lost:
            heapq.heappush(events, (now + START_SECONDS, -1))
        else:
            idle += 1
        while settled in ended:
            ended.remove(settled)
            settled += 1


def replicas_alone(replicas: int, children: int, *, rounds: int) -> float:
    """The busy share of the paper's layout: each replica of the controller waits for all of its children, then updates, and
    proposes as many again; replicas do not wait for one another, and no driver takes any time."""
    spent, waited = 0.0, 0.0
    for number in range(replicas * rounds):
        lengths = [length_of(number * children + at) for at in range(children)]
        spent += sum(length.seconds for length in lengths)
        waited += children * max(length.seconds + START_SECONDS * length.lost for length in lengths)
    return spent / waited

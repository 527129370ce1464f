"""Ends workers that take more memory than they may, from their parent and by what they hold, a few times a second.

Two limits are watched. `--memory-limit` is about one worker with all that it has started: who goes over it is ended. The limit
of a control group is about all processes in it: where hardly anything is left of it, the largest worker is ended, before the
kernel ends one, which in some containers is everything at once. What grows faster than anyone looks meets the kernel, whose
kills are told apart from others (`KernelKills`).

Resident memory is measured and not address space limited, since libraries reserve far more than they use.
"""

import contextlib
import threading
import time
from collections.abc import Iterable
from typing import Protocol

from automl_cli.core.sizes import rounded, size_in_words
from automl_cli.system.control_groups import MemoryLimit, memory_kills, memory_limits

SECONDS_BETWEEN_LOOKS = 0.1
LOOKS_BETWEEN_LOOKS_AT_ALL = 10
"""What workers have started is added at every such look: finding it takes a look at every process of the machine."""

LEAST_ROOM = 512 * 2**20
LEAST_SHARE_OF_ROOM = 0.05
"""A group is crowded when less than this share of its limit is left, and less than so many bytes."""

SECONDS_TO_END = 1.0
"""The time that what was ended has to give its memory back, before another worker is."""


class MemoryHolder(Protocol):
    """A process that may be ended for want of memory."""

    @property
    def process_id(self) -> int:
        """Return the number of the process."""
        ...

    def end_for_memory(self, why: str) -> None:
        """End it, and say why when asked for the cause of its death."""
        ...


class MemoryWatch:
    """Watches workers from a thread of its own, as long as there are any and there is a limit to watch.

    Where a group is crowded by others than the workers, which hold less than `fair_bytes` each, none of them is ended.
    """

    def __init__(self, limit_bytes: int | None, *, fair_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._fair_bytes = fair_bytes
        self._groups = memory_limits()
        self._started: dict[int, tuple[int, ...]] = {}
        self._looks = 0
        self._stop = threading.Event()
        self._workers: tuple[MemoryHolder, ...] = ()
        self._thread: threading.Thread | None = None

    def watch(self, workers: Iterable[MemoryHolder]) -> None:
        """Watch these workers from now on, and no others."""
        self._workers, self._started = tuple(workers), {}
        wanted = bool(self._workers) and (self._limit_bytes is not None or bool(self._groups))
        if wanted and self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, daemon=True)
            with contextlib.suppress(RuntimeError):  # no room for a thread: then the kernel is the only watch
                self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()
        self._thread = None

    def _run(self) -> None:
        while not self._stop.wait(SECONDS_BETWEEN_LOOKS):
            if self._ended_one():
                time.sleep(SECONDS_TO_END)

    def _ended_one(self) -> bool:
        """Look once, and return whether a worker was ended."""
        held = {worker: self._held_by(worker.process_id) for worker in self._workers}
        self._looks += 1
        limit = self._limit_bytes
        for worker, size in held.items():
            if limit is not None and size > limit:
                worker.end_for_memory(f"took {rounded(size)}, and --memory-limit is {size_in_words(limit)}")
                return True
        largest = max(held, key=lambda worker: held[worker], default=None)
        crowded = next((group for group in self._groups if _is_crowded(group)), None)
        if largest is None or crowded is None or held[largest] <= self._fair_bytes:
            return False
        allowed = f"the {rounded(crowded.allowed_bytes)} that the container or job may use"
        largest.end_for_memory(f"took {rounded(held[largest])} of {allowed}, and hardly anything was left")
        return True

    def _held_by(self, process: int) -> int:
        """Return the bytes that a process holds, and what it has started; 0 for one that has ended."""
        import psutil

        with contextlib.suppress(psutil.Error):
            if self._looks % LOOKS_BETWEEN_LOOKS_AT_ALL == 0:
                self._started[process] = tuple(one.pid for one in psutil.Process(process).children(recursive=True))
            return sum(map(_resident, (process, *self._started.get(process, ()))))
        return 0


def _resident(process: int) -> int:
    import psutil

    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(process).memory_info().rss)
    return 0


def _is_crowded(group: MemoryLimit) -> bool:
    used = group.used_bytes()
    return used is not None and group.allowed_bytes - used < min(LEAST_ROOM, LEAST_SHARE_OF_ROOM * group.allowed_bytes)


class KernelKills:
    """Tells whether the kernel killed a process that died: it counts those it kills for want of memory."""

    def __init__(self) -> None:
        self._known = memory_kills()

    def one_more(self) -> bool:
        """Return whether there was a kill that no death has been put down to yet; now one has."""
        if memory_kills() <= self._known:
            return False
        self._known += 1
        return True

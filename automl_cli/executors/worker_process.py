"""Control a worker process from its parent: start it, give it tasks, hear from it, end it, say why it died."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Status, Task
from automl_cli.executors.messages import Message, Setup
from automl_cli.executors.outcomes import shortened
from automl_cli.store import encoding
from automl_cli.system.process import LEFT_TO_THE_PARENT, held_back
from automl_cli.system.warden import kill_group

Events = SimpleQueue["tuple[WorkerProcess, Message | None]"]
"""What workers said, in order of arrival; None when a worker's output ended."""

_LONGEST_LAST_WORDS = 600

_PATIENCE_SECONDS = 5.0
"""How long a process that is ending may take to be gone."""

_SECONDS_OF_A_MASSACRE = 0.2
"""Whoever kills a whole job kills its processes one by one. A search that is among them is not to record a trial as killed
before its own turn comes."""

_OUT_OF_MEMORY = re.compile(r"bad_alloc|out of memory|memoryerror|resource_exhausted|cannot allocate memory", re.IGNORECASE)
"""Last words of a process that aborted because it was given no more memory, such as under `ulimit -v`."""

_READ_OF_A_LOG = 2**16
"""Bytes of its beginning and of its end: a process may have printed more than there is memory."""


class WorkerProcess:
    """A worker process. It is `starting`, then idle or busy with `tasks`, until it is ended.

    It is a fresh interpreter (never a fork: JAX hangs after one) that imports what this one can import. `environment` is set
    before it starts, since some settings must be there before JAX is. It leads a process group of its own, which ends with it.
    Start it from a thread that outlives it. OSError where the system has no room for another process.
    """

    def __init__(self, setup: EvaluatorSetup, *, slot: int, environment: dict[str, str], events: Events) -> None:
        self.slot = slot
        self.starting = True
        self.tasks: tuple[Task, ...] = ()
        self.deadline: float | None = None
        self.children = 0
        self.ended = False
        self._condemned = ""
        """Why it was ended for want of memory, if it was."""
        self._log: BinaryIO = tempfile.TemporaryFile("ab+")  # noqa: SIM115  closed by `end`
        try:
            with held_back(LEFT_TO_THE_PARENT):  # until the worker is ready to take no notice of them
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "automl_cli.executors.worker_main"],
                    env=os.environ | environment | {"PYTHONPATH": _search_path()},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    process_group=0,
                )
        except OSError:
            self._log.close()
            raise
        self._ear = threading.Thread(target=self._listen, args=(events,), daemon=True)
        try:
            self._ear.start()
        except RuntimeError as error:  # the process was the last there was room for
            self._let_go()
            raise OSError(str(error)) from error
        self._send(Setup(str(slot), os.getpid(), setup))

    def give(self, tasks: tuple[Task, ...], deadline: float | None) -> None:
        """Hand over tasks, to be done by the deadline (on the monotonic clock). What was printed before is forgotten."""
        self.tasks, self.deadline = tasks, deadline
        self._log.truncate(0)
        self._send(tasks)

    @property
    def process_id(self) -> int:
        """Return the number of the process, which is also that of its group."""
        return self._process.pid

    @property
    def is_condemned(self) -> bool:
        """Return whether it was ended for want of memory, though it may not be heard yet."""
        return bool(self._condemned)

    def end(self) -> None:
        """Kill the process and all of its group, and wait until it is gone."""
        self.ended = True
        kill_group(self._process.pid)
        self._ear.join(_PATIENCE_SECONDS)  # longer only where something outside the group holds its output
        self._let_go()

    def end_for_memory(self, why: str) -> None:
        """Kill the process with its group from another thread. `autopsy` then says why."""
        if not self.ended:
            self._condemned = why
            kill_group(self._process.pid)

    def _let_go(self) -> None:
        self._process.kill()
        self._process.wait()
        pipes = (self._process.stdin, self._log, None if self._ear.is_alive() else self._process.stdout)
        for pipe in pipes:
            if pipe is not None:
                with contextlib.suppress(OSError):  # unsent input of a dead process
                    pipe.close()

    def autopsy(self, killed_by_kernel: Callable[[], bool]) -> tuple[Status, str]:
        """Return the status of a process that ended by itself, and why it ended, with its last words.

        `killed_by_kernel` says of a process that was killed whether the kernel did it for want of memory."""
        try:
            code = self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            return Status.FAILED, f"the worker closed its connection and was ended{self._last_words()}"
        if self._condemned:
            return Status.OUT_OF_MEMORY, f"the worker {self._condemned}; it was ended"
        if code >= 0:
            return Status.FAILED, f"the worker ended with exit code {code}{self._last_words()}"
        if code == -signal.SIGKILL:
            if killed_by_kernel():
                return Status.OUT_OF_MEMORY, "the kernel ended the worker: the memory of the container or machine was used up"
            time.sleep(_SECONDS_OF_A_MASSACRE)
        words = self._last_words()
        if code == -signal.SIGABRT and _OUT_OF_MEMORY.search(words):
            return Status.OUT_OF_MEMORY, f"the worker was given no more memory{words}"
        return Status.KILLED, f"the worker was ended by signal {_signal_name(-code)}{words}"

    def _last_words(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(0)
        printed = self._log.read(_READ_OF_A_LOG)
        self._log.seek(max(_READ_OF_A_LOG, size - _READ_OF_A_LOG))
        printed += self._log.read(_READ_OF_A_LOG)
        text = " ".join(printed.decode("utf-8", errors="replace").split())
        return f": {shortened(text, _LONGEST_LAST_WORDS)}" if text else ""

    def _send(self, message: Setup | tuple[Task, ...]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is dead: its output ends too, and that is what is acted upon
            self._process.stdin.write(encoding.line(message))
            self._process.stdin.flush()

    def _listen(self, events: Events) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith(b"\n"):
                events.put((self, encoding.decode(line, Message, "answer of a worker")))  # type: ignore[arg-type]
        events.put((self, None))


def _search_path() -> str:
    """Return where a worker finds what this process can import."""
    return os.pathsep.join(path or str(Path.cwd()) for path in sys.path)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of the signals for real-time programs
        return str(number)

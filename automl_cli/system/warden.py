"""Ends whole groups of processes when this one is gone, however it went: `kill -9` too.

The kernel kills a worker with its parent where it can, but not what the worker has started itself. A shell of a megabyte waits
at a pipe from this process; when the pipe ends it kills the groups that it was told of last.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable

PROGRAM = """
trap '' INT TERM HUP QUIT
while read -r line; do groups=$line; done
for group in $groups; do kill -KILL "-$group"; done
"""


class Warden:
    """A process that outlives this one for a moment. Where no shell can be started there is none, and nothing is lost but what
    workers have started themselves."""

    def __init__(self) -> None:
        try:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                ["/bin/sh", "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            self._process = None

    def guard(self, groups: Iterable[int]) -> None:
        """Name all the process groups that are to end with this process; those named before count no more."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError, ValueError):  # it was killed itself
            self._process.stdin.write(f"{' '.join(map(str, groups))}\n".encode())
            self._process.stdin.flush()

    def close(self) -> None:
        """Dismiss the process. No group is killed."""
        self.guard(())
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.communicate()
            self._process = None


def kill_group(leader: int) -> None:
    """Kill a process and all of its group. Nothing happens where there is none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS has no permission to kill what has ended
        os.killpg(leader, signal.SIGKILL)

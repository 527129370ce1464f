"""Locks that one process holds at a time, also on file systems that know none.

Where the system refuses to lock a file (NFS without a lock daemon, some network and FUSE systems), a marker stands for the
lock: a file beside it that is created by one process and removed by the same. A marker of a process of this machine that has
died is taken over. One of another machine stays, since nobody here can know.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock

NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})
"""Errors of a file system that has no locks."""

MARKER = ".held"
"""What the name of a marker has behind that of the lock."""

FOR_EVER = -1.0
"""The patience of those who wait until they have the lock."""


def locked(path: Path, *, patience_seconds: float, poll_seconds: float = 0.05) -> BaseFileLock:
    """Return the lock, or the marker that stands for it, held by this process.

    Raises `filelock.Timeout` where another process holds it for longer than this one has patience, and OSError where no file
    can be written there.
    """
    lock: BaseFileLock = FileLock(path)
    try:
        return _held(lock, patience_seconds, poll_seconds)
    except NotImplementedError:  # which filelock makes of one of the errors below
        pass
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return _held(SoftFileLock(marker_of(path)), patience_seconds, poll_seconds)


@contextmanager
def holding(path: Path, *, patience_seconds: float, poll_seconds: float = 0.05) -> Iterator[None]:
    """Hold the lock while the context lasts. Raises what `locked` raises."""
    lock = locked(path, patience_seconds=patience_seconds, poll_seconds=poll_seconds)
    try:
        yield
    finally:
        lock.release()


def marker_of(path: Path) -> Path:
    """Return the marker that stands for a lock."""
    return path.with_name(path.name + MARKER)


def is_marker(lock: BaseFileLock) -> bool:
    """Return whether a marker stands for the lock."""
    return isinstance(lock, SoftFileLock)


def remove_lock(path: Path) -> None:
    """Remove the file of a lock that this process holds, or that nobody needs any more."""
    with suppress(OSError):
        path.unlink()


def _held(lock: BaseFileLock, patience_seconds: float, poll_seconds: float) -> BaseFileLock:
    lock.acquire(timeout=patience_seconds, poll_interval=poll_seconds)
    return lock

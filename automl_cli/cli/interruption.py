"""Ctrl-C that is not lost: Python raises KeyboardInterrupt wherever it happens to be, and there are places that drop it."""

import _thread
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 0.05
"""After so long, whatever dropped an interrupt has most likely returned; if not, it drops another one."""


def deliver_again() -> None:
    """From here on, a KeyboardInterrupt that is dropped is raised again in the main thread, until something catches it.

    Callbacks of the garbage collector drop it, of which JAX has one, and destructors: an exception there is printed, and the
    program goes on.
    """
    before = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if unraisable.exc_type is not KeyboardInterrupt:
            before(unraisable)
            return
        again = threading.Timer(SECONDS, _thread.interrupt_main)
        again.daemon = True
        again.start()

    sys.unraisablehook = hook


_held: list[KeyboardInterrupt] = []


def hold(interrupt: KeyboardInterrupt) -> None:
    """Keep all that an interruption came through until the process has ended: XLA may still compile in threads of its own, and
    crashes if what it compiles is freed meanwhile. The frames of the interruption hold that."""
    _held.append(interrupt)


@contextmanager
def goes_on_with(command: str) -> Iterator[None]:
    """An interruption says what continues the work."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; continue with: {command}") from None

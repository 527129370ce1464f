"""Delivers Ctrl-C again where it was dropped: Python raises KeyboardInterrupt anywhere, also where exceptions are lost. What a
scheduler sends before it ends a job is taken for it."""

import _thread
import signal
import sys
import threading

SECONDS = 0.05
"""The delay before an interrupt is raised again. By then the callback that dropped it has most likely returned."""


def deliver_again() -> None:
    """Install a hook that raises a dropped KeyboardInterrupt again in the main thread, until something catches it.

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


FROM_SCHEDULERS = (signal.SIGTERM, signal.SIGUSR1)
"""What schedulers send some time before they kill: by themselves, or as the user says (`sbatch --signal=USR1@120`)."""


def end_on_request() -> None:
    """Have this process end by the signals of schedulers as by Ctrl-C: workers end, the journal stays whole, the exit code is
    130. One of them is enough: those that follow do not disturb the end."""

    def interrupt(number: int, frame: object) -> None:
        for one in FROM_SCHEDULERS:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for one in FROM_SCHEDULERS:
        signal.signal(one, interrupt)


_held: list[KeyboardInterrupt] = []


def hold(interrupt: KeyboardInterrupt) -> None:
    """Keep an interruption, with the frames it came through, until the process has ended.

    XLA may still compile in threads of its own, and crashes if what it compiles is freed meanwhile. The frames hold that.
    """
    _held.append(interrupt)

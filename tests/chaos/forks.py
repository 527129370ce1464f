"""Run command lines in forks of this process, which has imported what they need and nothing that has threads.

A fork starts in milliseconds, so that a search can be disturbed at each of its steps. Imported by programs of their own
(`tests.chaos.disturbances`), never by the process of the tests, which may have JAX in it.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from automl_cli.cli.app import run as run_command

SECONDS = 120.0
"""No session takes so long."""

BROKEN = 70
"""The exit code of a fork that a traceback ended."""


class Forked(NamedTuple):
    """How a fork ended: its exit code and what it said on stderr."""

    code: int
    stderr: str

    @property
    def is_documented(self) -> bool:
        """Whether it ended well, or with a line of words and the code for it."""
        return self.code == 0 or (self.code in (1, 2) and self.stderr.startswith(("error: ", "warning: ")))


def nothing() -> None:
    """Disturb nothing."""


def forked(arguments: list[str], disturb: Callable[[], object] = nothing) -> Forked:
    """Run a command line in a fork that is disturbed first."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    words = os.memfd_create("stderr")
    if (child := os.fork()) == 0:
        _run(arguments, disturb, words)
    give_up_at = time.monotonic() + SECONDS
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > give_up_at:
            os.kill(child, 9)
            raise TimeoutError(f"{arguments} hangs")
        time.sleep(0.002)
    with os.fdopen(words, "rb") as said:
        said.seek(0)
        return Forked(os.waitstatus_to_exitcode(ended[1]), said.read().decode())


def completed(arguments: list[str]) -> None:
    """Run a command line in a fork, which must end well."""
    done = forked(arguments)
    if done.code != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.code}: {done.stderr}")


def _run(arguments: list[str], disturb: Callable[[], object], words: int) -> None:
    """Run a command line and end the process."""
    code = BROKEN
    try:
        os.dup2(words, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        _publish_at_once()
        disturb()
        code = run_command(arguments)
    except BaseException:
        with suppress(BaseException):
            sys.excepthook(*sys.exc_info())
        raise
    finally:
        with suppress(BaseException):
            sys.stderr.flush()
        os._exit(code)


def _publish_at_once() -> None:
    """Have every new best published, and not one a second."""
    waiting = [module for name, module in sys.modules.items() if name.startswith("automl_cli.study.")]
    found = [module for module in waiting if hasattr(module, "PUBLISH_SECONDS")]
    for module in found:
        module.PUBLISH_SECONDS = 0.0  # type: ignore[attr-defined]


def import_what_is_needed(arguments: list[str]) -> None:
    """Run a command line in a fork, and import the modules of ours that it imported, so that no fork imports them again."""
    names = Path("modules.json")

    def at_the_end() -> None:
        end = os._exit

        def note(code: int) -> None:
            names.write_text(json.dumps(sorted(sys.modules)))
            end(code)

        os._exit = note  # type: ignore[assignment]

    forked(arguments, at_the_end)
    for name in json.loads(names.read_text()):
        if name.startswith(("automl_cli", "search_spaces", "numpy", "rich")):
            with suppress(ImportError):
                import_module(name)
    assert "jax" not in sys.modules, "JAX has threads, which a fork does not have"

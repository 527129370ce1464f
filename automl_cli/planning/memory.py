"""The memory of children: `--memory-limit`, and what is said of cores and memory that are fewer here than the machine has."""

import inspect
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from automl_cli.core.errors import UserError
from automl_cli.core.flags import Flag
from automl_cli.core.numbers import counted
from automl_cli.core.sizes import bytes_of, rounded, size_in_words
from automl_cli.planning.worker_flags import WHERE
from automl_cli.plugins.registry import EXECUTORS
from automl_cli.system.granted import granted_cores, granted_memory
from automl_cli.system.machine import allowed_cores, available_cores
from automl_cli.system.process import default_workers, machine_memory, memory_bytes, workers_with_room

if TYPE_CHECKING:
    from automl_cli.store.study import StudySettings

LEAST_BYTES = 64 * 2**20
"""A worker that has computed nothing yet holds about so much."""


def memory_limit(said: str | int) -> int:
    """Return the bytes that `--memory-limit` allows, which a file of flags may hold as a number. Raises UserError for what is
    no size.

    >>> memory_limit("2GB"), memory_limit(2_000_000_000)
    (2000000000, 2000000000)
    """
    return bytes_of(str(said), what="--memory-limit", at_least=LEAST_BYTES)


MEMORY_LIMIT = Flag(
    name="memory-limit",
    type=str,
    in_file=int | str,
    panel=WHERE,
    metavar="SIZE",
    help="End a child that takes more memory, such as 2GB. [default: what the container allows]",
    recorded="memory_limit_bytes",
    as_recorded=memory_limit,
    as_said=size_in_words,
    changeable=True,
)


def limit_asked_for(text: str | int | None, executor: str) -> int | None:
    """Return the bytes that a child may take, or None where nothing was said. Raises UserError for what is no size, and for an
    executor that cannot end a child."""
    if text is None:
        return None
    limit = memory_limit(text)
    check_limit(limit, executor)
    return limit


def check_limit(limit: int | None, executor: str) -> None:
    """Raise UserError for a limit that the executor cannot keep: one that does not take `memory_limit_bytes`."""
    if limit is not None and "memory_limit_bytes" not in inspect.signature(EXECUTORS.load(executor)).parameters:
        raise UserError(
            f"--executor {executor} cannot end a child that takes too much memory; use --executor local with --memory-limit"
        )


def doubts_of_room(settings: "StudySettings", *, chosen: bool) -> Iterator[str]:
    """Yield warnings for more workers than there is room for here, unless they were chosen just now."""
    if settings.executor != "local":
        return
    limit, memory = settings.memory_limit_bytes, memory_bytes()
    if limit is not None and limit * settings.workers > memory:
        yield (
            f"{counted(settings.workers, 'worker')} of --memory-limit {size_in_words(limit)} each are more than the "
            f"{rounded(memory)} here: a child may be ended before it reaches its limit"
        )
    elif settings.workers > default_workers(limit) and not chosen:
        room = f"{counted(available_cores(), 'core')} and {rounded(memory)} of memory"
        yield f"{settings.workers} at a time, and there are {room} here; --workers {default_workers(limit)} may be faster"


def granted_here(*, workers: bool = True) -> str | None:
    """Return in words what is granted of the cores and the memory of this machine, and for how many workers that is enough;
    None where it is all there is."""
    cores, memory = granted_cores(len(allowed_cores())), granted_memory(machine_memory())
    parts = []
    if cores.by:
        parts.append(f"{available_cores()} of {counted(os.cpu_count() or 1, 'core')} ({cores.by})")
    if memory.by:
        parts.append(f"{rounded(memory.amount)} of {rounded(machine_memory())} of memory ({memory.by})")
    if not parts:
        return None
    few = workers and workers_with_room() < available_cores()
    room = f", in which there is room for {counted(workers_with_room(), 'worker')}" if few else ""
    return f"granted here: {' and '.join(parts)}{room}"

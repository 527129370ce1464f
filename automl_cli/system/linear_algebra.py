"""The threads of linear algebra: the low bits of a product depend on their number."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock
from typing import Any

from automl_cli.system.machine import available_cores
from automl_cli.system.tuning import tuning_is_off

_lock = Lock()
_inside = 0
"""Number of contexts that are open, in all threads of this process."""
_limited: dict[bool, Any] = {}
"""What the open contexts limit, by whether SciPy's libraries are among it."""
_limits = ExitStack()
"""What gives the process its threads back."""


def has_one_thread() -> bool:
    """Return whether JAX computes on a single thread in this process, as in a worker."""
    return (os.environ.get("PJRT_NPROC") or str(available_cores())) == "1"


def workers_have_one_thread() -> bool:
    """Return whether each worker process of a search computes on a single thread."""
    return not tuning_is_off() or available_cores() == 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Have products of matrices take one thread each inside the context, whatever this process has otherwise.

    It holds for the whole process, from the first of several contexts that overlap to the end of the last; for the libraries
    that threadpoolctl knows, such as OpenBLAS and MKL. NumPy, and SciPy if it is used inside, must have been imported before.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside
    with _lock:
        with_scipy = "scipy.linalg" in sys.modules
        if with_scipy not in _limited:
            _limited[with_scipy] = _limits.enter_context(_controller(with_scipy).limit(limits=1, user_api="blas"))
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            _limits.close()
            _limited.clear()


@cache
def _controller(with_scipy: bool) -> Any:
    """Return what limits threads. Looking for the libraries that are loaded takes longer than many a product, so it is done
    once, and once more when SciPy has brought its own."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

"""The threads of linear algebra by NumPy and SciPy: the low bits of a product depend on their number."""

import sys
from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which products of matrices take one thread each, whatever this process has otherwise.

    NumPy, and SciPy if it is used inside, must have been imported before.
    """
    limited: AbstractContextManager[Any] = _controller("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")
    return limited


@cache
def _controller(with_scipy: bool) -> Any:
    """Return what limits threads. Looking for the libraries that are loaded takes longer than many a product, so it is done
    once, and once more when SciPy has brought its own."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()

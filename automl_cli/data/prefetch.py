"""Work done by threads ahead of its use, in order, with a bounded lead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def prefetch_map(items: Iterable[A], work: Callable[[A], B], *, threads: int, depth: int) -> Generator[B, None, None]:
    """Yield `work(item)` for every item in order, with at most `depth` items started and not yet taken.

    An exception in `work` is raised in place of its result. However the generator ends (last item, error, Ctrl-C, `close`),
    waiting items are dropped, and the threads have ended before it returns.
    """
    waiting: deque[Future[B]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="prefetch")
    try:
        for item in items:
            if len(waiting) == depth:
                yield waiting.popleft().result()
            waiting.append(pool.submit(work, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

"""Work done by threads ahead of who needs it, in order, and never more than a little of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def ahead(items: Iterable[A], work: Callable[[A], B], *, threads: int, depth: int) -> Generator[B, None, None]:
    """`work` of every item, in order, at most `depth` of them begun and not yet taken.

    What `work` raises is raised where its result would have come. However the generator ends (its last item, an error, Ctrl-C,
    `close`), what waits is dropped and the threads have ended when it has.
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

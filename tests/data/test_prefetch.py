"""Work ahead of its use: in order, at most the given depth, and without threads that outlive it."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.data.prefetch import prefetch_map


def of_ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


@given(count=st.integers(0, 40), threads=st.integers(1, 5), depth=st.integers(1, 9))
def test_results_come_in_the_order_of_the_items(count, threads, depth):
    assert list(prefetch_map(range(count), lambda item: item**2, threads=threads, depth=depth)) == [i**2 for i in range(count)]
    assert not of_ours()


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_no_more_is_begun_than_was_asked_for(depth):
    begun = []
    for taken, _ in enumerate(prefetch_map(range(50), begun.append, threads=4, depth=depth), start=1):
        time.sleep(0.002)
        assert len(begun) <= taken + depth


def test_work_goes_on_while_a_result_is_used():
    """A thread finishes the second item, although it is never taken."""
    finished = threading.Event()
    results = prefetch_map(range(2), lambda item: item == 1 and finished.set(), threads=1, depth=2)
    next(results)
    assert finished.wait(10)
    results.close()


def test_an_error_comes_where_the_result_would_have_come_and_ends_the_threads():
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("item 3")
        return item

    results = prefetch_map(range(100), work, threads=2, depth=8)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="item 3"):
        next(results)
    assert not of_ours()


def test_what_waits_is_dropped_when_nobody_wants_more():
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        time.sleep(0.02)

    results = prefetch_map(range(1000), work, threads=1, depth=500)
    next(results)
    results.close()
    assert len(begun) < 10
    assert not of_ours()


def test_ctrl_c_ends_the_threads():
    def consume() -> None:
        for number in prefetch_map(range(1000), lambda item: item, threads=3, depth=20):
            if number == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        consume()
    # The interrupted frames are kept by the traceback, and with them the generator; they go when it is let go.
    del caught
    deadline = time.monotonic() + 10
    while of_ours() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not of_ours()

"""Products take one thread inside the context, in every library that is loaded, until the last of several contexts ends."""

import subprocess
import sys

SCRIPT = """
import numpy
from threadpoolctl import threadpool_info, threadpool_limits
from automl_cli.system.linear_algebra import one_thread

def threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

threadpool_limits(2)
before = threads()
with one_thread():
    assert set(threads()) == {1}, threads()
assert threads() == before == [2] * len(before), before
with one_thread():
    import scipy.linalg
    for library in threadpool_info():
        assert library["user_api"] == "blas", library
    threadpool_limits(2)
    with one_thread():
        assert set(threads()) == {1}, threads()
    assert set(threads()) == {1}, threads()
first, second = one_thread(), one_thread()
threadpool_limits(2)
first.__enter__()
second.__enter__()
first.__exit__(None, None, None)
assert set(threads()) == {1}, threads()
second.__exit__(None, None, None)
assert set(threads()) == {2}, threads()
"""


def test_every_library_is_limited_also_one_that_comes_later_and_contexts_overlap():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)

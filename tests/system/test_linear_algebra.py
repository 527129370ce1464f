"""Products take one thread inside the context, in every library that is loaded, and as many as before after it."""

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
import scipy.linalg
threadpool_limits(2)
with one_thread():
    assert set(threads()) == {1}, threads()
"""


def test_every_library_is_limited_also_one_that_comes_later():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)

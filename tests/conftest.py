"""How every test runs: on the CPU, on one thread, without the user's caches and calibration, and with JAX refusing silent rank
promotion."""

import gc
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

# Set before JAX is imported anywhere; pytest-xdist's workers and the processes that tests start inherit all of it.
os.environ.update(
    JAX_PLATFORMS="cpu",
    JAX_NUMPY_RANK_PROMOTION="raise",
    PJRT_NPROC="1",
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
    NO_COLOR="1",
    COLUMNS="80",
    TERM="dumb",
)
if "AUTOML_TEST_CACHE" not in os.environ:
    # One cache for the whole run, so that a program compiled by one worker serves the others.
    _cache = tempfile.TemporaryDirectory(prefix="automl-test-cache-", ignore_cleanup_errors=True)
    os.environ["AUTOML_TEST_CACHE"] = _cache.name
os.environ.update(
    XDG_CACHE_HOME=os.environ["AUTOML_TEST_CACHE"],
    XDG_CONFIG_HOME=os.environ["AUTOML_TEST_CACHE"] + "/config",
    JAX_COMPILATION_CACHE_DIR=os.environ["AUTOML_TEST_CACHE"] + "/programs",
    JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
    JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
)
os.environ.pop("TFDS_DATA_DIR", None)

from automl_cli.store.timing_tables import choose_table, keep_calibration
from automl_cli.values.timings import calibrated

if (here := choose_table()).advice:
    # A CPU that was not measured counts as calibrated, with the same numbers: no command says what others do not say.
    keep_calibration(calibrated("of the tests", here.table.coefficients))

if threading.current_thread() is threading.main_thread():
    # A shell without job control starts background jobs deaf to Ctrl-C, and what they start is deaf as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, and none of them judged by how busy the machine is.
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets beside the project; a test that asks for it is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real data sets in ../shared/data, which are not here")
    return SHARED_DATA


LARGE_KIB = 3_000_000
"""Resident memory of a process of tests from which on it drops compiled programs, in KiB."""


@pytest.fixture(scope="module", autouse=True)
def compiled_programs_leave_memory() -> Iterator[None]:
    """JAX drops its programs behind a file of tests once the process is large; later tests find them on disk."""
    yield
    if "jax" in sys.modules and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > LARGE_KIB:
        sys.modules["jax"].clear_caches()


class CommandResult(NamedTuple):
    """What a command line did."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def environment_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A search sets up its process; the next test must not notice."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def automl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., CommandResult]:
    """Runs a command line in this process: `automl("spaces", "cnn")`. What it sets aside of the environment is forgotten."""
    from automl_cli.system import jax_settings

    monkeypatch.setattr(jax_settings, "_set_aside", {})

    def run_command(*arguments: object) -> CommandResult:
        from automl_cli.cli.app import run

        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return CommandResult(code, *capsys.readouterr())

    return run_command


@pytest.fixture(scope="session")
def ray_here() -> Iterator[None]:
    """A Ray cluster of this machine, which executors find and leave running; a test that asks for it is skipped without Ray."""
    pytest.importorskip("ray", reason="needs Ray: pip install 'automl-cli[ray]'")
    from automl_cli.core.trials import Cluster
    from automl_cli.executors import ray_cluster

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ray_cluster.connect(Cluster(), workers=2)
    connection, ray_cluster._connection = ray_cluster._connection, None
    assert connection is not None
    yield
    connection.end()
    monkeypatch.undo()
    for process in [kept for kept in gc.get_objects() if isinstance(kept, subprocess.Popen)]:
        process.wait(timeout=60)  # Ray ends its processes and leaves them to the collector, which warns

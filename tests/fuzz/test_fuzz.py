"""Fuzz everything that is read: nothing but the documented errors comes out, in bounded time and memory.

2,000 inputs here, the same every time; 100,000 with AUTOML_NIGHTLY=1, others every night, and how many there were is printed.
"""

import os
import resource
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from automl_cli.core.errors import UserError
from tests.fuzz.mutations import BATCH, Batch, batches
from tests.fuzz.targets import TARGETS

NIGHT = bool(os.environ.get("AUTOML_NIGHTLY"))
INPUTS = int(os.environ.get("AUTOML_FUZZ_INPUTS", "100000" if NIGHT else "2000"))
"""Of all targets together."""

SECONDS = 10.0
"""The most processor time that an input may take."""

BYTES = 2**30
"""The most memory that an input may take."""


class TooSlow(BaseException):
    """An input took longer than it may."""


def _stop(*_: object) -> None:
    raise TooSlow(f"an input took more than {SECONDS:g} s")


@contextmanager
def bounded() -> Iterator[None]:
    """Let what happens inside take a bounded time and amount of memory."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    handler = signal.signal(signal.SIGPROF, _stop)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (held + BYTES, before[1]))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.signal(signal.SIGPROF, handler)


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """How many inputs each target had, printed at the end of a night."""
    counts: Counter[str] = Counter()
    yield counts
    if NIGHT:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{counts.total():,} inputs: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: each input is a file."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as place:
        yield Path(place)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is bounded by what Linux says of the process")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_but_the_documented_errors(name: str, tally: Counter[str], folder: Path) -> None:
    target = TARGETS[name]
    seeds = list(target.seeds())
    for seed in seeds:
        target.feed(seed, folder)

    @settings(
        max_examples=-(-INPUTS // len(TARGETS) // BATCH),
        deadline=None,
        derandomize=not NIGHT,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(batch=batches(target.make, seeds))
    def fed(batch: Batch) -> None:
        for data in batch.inputs():
            tally[name] += 1
            try:
                with bounded(), suppress(UserError):
                    target.feed(data, folder)
            except BaseException as error:
                error.add_note(f"input: {data[:4000]!r}")
                raise

    fed()

"""Children that take all the memory that a container or `ulimit -v` leaves: the kernel's own limits, not made-up ones."""

import contextlib
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from automl_cli.core.sizes import UNITS
from automl_cli.store import encoding
from tests.executors.test_executors import setup

MIB = UNITS["MiB"]
GROUPS = Path("/sys/fs/cgroup")

SEARCH = """
import json, os, resource, sys
from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Task
from automl_cli.executors import local, memory_watch
from automl_cli.store.encoding import decode
from automl_cli.system.process import memory_bytes

how, limit = sys.argv[1], int(sys.argv[2])
if how == "ulimit":
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
else:
    with open(how + "/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
if sys.argv[3] == "kernel":
    memory_watch.SECONDS_BETWEEN_LOOKS = 60
executor = local.LocalExecutor(decode({setup!r}, EvaluatorSetup, "setup"), workers=1)
for trial in range(3):
    executor.submit(Task(trial, (trial, 0), 1, 1))
found = {{}}
while len(found) < 3:
    task, outcome = executor.wait(60)
    found[task.trial] = [outcome.status, outcome.message]
executor.close()
print(json.dumps([memory_bytes(), found]))
"""


def statuses(how: str, limit: int, ended_by: str) -> tuple[int, list[str], str]:
    """The memory that is granted, how three children end of which the second takes all there is, and why it ended."""
    code = SEARCH.format(setup=encoding.line(setup(faults={"1.0": "allocate"})))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    arguments = [sys.executable, "-c", code, how, str(limit), ended_by]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    granted, found = encoding.decode(done.stdout.encode(), tuple[int, dict[str, tuple[str, str]]], "what was printed")
    return granted, [found[trial][0] for trial in "012"], found["1"][1]


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group, of whatever version there is, with 300 MiB of memory, inside one with a gigabyte."""
    top = GROUPS / "memory" if (GROUPS / "memory").is_dir() else GROUPS
    name = "memory.limit_in_bytes" if top.name == "memory" else "memory.max"
    outer = top / f"automl-test-{uuid.uuid4().hex[:8]}"
    inner = outer / "inner"
    try:
        outer.mkdir()
        if top == GROUPS:
            (outer / "cgroup.subtree_control").write_text("+memory")
        inner.mkdir()
        for folder, size in ((outer, 1024 * MIB), (inner, 300 * MIB)):
            (folder / name).write_text(str(size))
    except OSError as error:
        for folder in (inner, outer):
            with contextlib.suppress(OSError):
                folder.rmdir()
        pytest.skip(f"no control group can be made here: {error}")
    yield inner
    inner.rmdir()
    outer.rmdir()


@pytest.mark.parametrize(
    ("ended_by", "why"),
    [("watch", "hardly anything was left|the kernel ended the worker"), ("kernel", "the kernel ended the worker")],
)
def test_a_child_that_takes_all_memory_of_its_container_ends_alone(ended_by: str, why: str, group: Path) -> None:
    granted, found, message = statuses(str(group), 0, ended_by)
    assert granted == 300 * MIB
    assert found == ["ok", "out-of-memory", "ok"]
    assert re.search(why, message), message  # on a busy machine the kernel may be faster than the watch


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a limit on address space limits nothing")
def test_a_child_that_meets_ulimit_ends_alone() -> None:
    _, found, message = statuses("ulimit", 600 * MIB, "kernel")
    assert found == ["ok", "out-of-memory", "ok"]
    assert "MemoryError" in message

"""The Ray executor: the outcomes of serial. What a child does ends its own task, and what a machine does ends none.

The first part needs no Ray: actors are played by hand.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from automl_cli.cli.app import run
from automl_cli.core.errors import UserError
from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Cluster, EvaluatorSpec, Measurement, Outcome, Status, Task
from automl_cli.executors import ray_cluster, ray_executor, ray_node
from automl_cli.executors.messages import Done, Ready, Unusable
from automl_cli.executors.ray_cluster import address_of, check_ray, granted_workers
from automl_cli.executors.ray_executor import LOSSES, RayExecutor
from automl_cli.executors.ray_node import Hiring
from automl_cli.executors.sent_files import SentFile, at_hand, own_files
from automl_cli.executors.serial import SerialExecutor
from automl_cli.planning.place import place_of
from automl_cli.store import encoding
from tests.conftest import ROOT
from tests.executors.test_executors import FAULTS, SPACE, STATUSES, is_alive, outcomes, setup, task, until

OK = Outcome(Status.OK, Measurement(scores=(1.0,)))


class OutOfMemoryError(Exception):
    """Named as Ray names it."""


class PlayedWorker:
    """An actor whose answers the test gives. All of them are in `hired`."""

    hired: list["PlayedWorker"] = []  # noqa: RUF012

    def __init__(self, ray: Any, hiring: bytes, *, slot: int, cluster: Cluster, events: Any) -> None:
        self.slot, self.events, self.hiring = slot, events, encoding.decode(hiring, Hiring, "hiring")
        self.starting, self.ended, self.quick, self.deadline = True, False, False, None
        self.given: deque[tuple[Task, ...]] = deque()
        self.hired.append(self)

    def give(self, tasks: tuple[Task, ...], deadline: float | None) -> None:
        self.given.append(tasks)
        self.deadline = deadline

    @property
    def tasks(self) -> tuple[Task, ...]:
        return next(iter(self.given), ())

    def end(self) -> None:
        self.ended = True

    def says(self, answer: Any) -> None:
        self.events.put((self, self.tasks, answer))


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[PlayedWorker]:
    monkeypatch.setattr(PlayedWorker, "hired", [])
    monkeypatch.setattr(ray_executor, "RayWorker", PlayedWorker)
    monkeypatch.setattr(ray_executor, "connect", lambda *_, **__: None)
    return PlayedWorker.hired


def heard(executor: RayExecutor) -> tuple[Task, Outcome] | None:
    """What has ended by now."""
    return executor.wait(timeout_seconds=0.0)


def test_a_task_whose_worker_is_lost_is_done_by_another_one(played: list[PlayedWorker]) -> None:
    executor = RayExecutor(setup(), workers=1)
    executor.submit(task(0), task(1))
    for number in range(LOSSES):
        played[number].says(Ready())
        assert heard(executor) is None
        assert played[number].tasks == (task(0), task(1))
        played[number].says(ConnectionError("the node is gone"))
        assert heard(executor) is None
        assert played[number].ended
    played[LOSSES].says(Ready())
    assert heard(executor) is None
    played[LOSSES].says(Done((OK, OK), 0))
    assert [heard(executor), heard(executor)] == [(task(0), OK), (task(1), OK)]


def test_a_task_that_loses_every_worker_is_killed_and_the_next_one_is_done(played: list[PlayedWorker]) -> None:
    executor = RayExecutor(setup(), workers=1)
    executor.submit(task(0))
    executor.submit(task(1))
    for number in range(LOSSES + 1):
        played[number].says(Ready())
        heard(executor)
        assert played[number].tasks == (task(0),)
        played[number].says(ConnectionError("the node is gone"))
        ended = heard(executor)
    assert ended is not None
    assert (ended[0], ended[1].status) == (task(0), Status.KILLED)
    assert ended[1].message == "4 workers were lost one after the other; the last: ConnectionError: the node is gone"
    played[-1].says(Ready())
    heard(executor)
    assert played[-1].tasks == (task(1),)


def test_a_quick_worker_is_given_one_task_ahead_which_is_not_lost_with_it(played: list[PlayedWorker]) -> None:
    executor = RayExecutor(setup(), workers=1)
    for trial in range(4):
        executor.submit(task(trial))
    played[0].says(Ready())
    heard(executor)
    assert list(played[0].given) == [(task(0),)]
    played[0].says(Done((OK,), 0))
    assert heard(executor) == (task(0), OK)
    assert list(played[0].given) == [(task(1),), (task(2),)]
    played[0].says(ConnectionError("the node is gone"))
    heard(executor)
    played[1].says(Ready())
    heard(executor)
    assert list(played[1].given) == [(task(1),)]
    played[1].says(Done((msgspec.structs.replace(OK, seconds=1.0),), 0))
    ended = heard(executor)
    assert ended is not None
    assert ended[0] == task(1)
    assert list(played[1].given) == [(task(2),)]


def test_a_worker_that_ray_ends_for_its_memory_is_no_loss(played: list[PlayedWorker]) -> None:
    executor = RayExecutor(setup(), workers=1)
    executor.submit(task(0))
    played[0].says(Ready())
    heard(executor)
    played[0].says(OutOfMemoryError("0.95 of the node"))
    ended = heard(executor)
    assert ended is not None
    assert ended[1].status is Status.OUT_OF_MEMORY
    assert len(played) == 1


def test_where_no_worker_starts_the_tasks_fail_with_the_cause(played: list[PlayedWorker]) -> None:
    executor = RayExecutor(setup(), workers=1)
    executor.submit(task(0))
    for number in range(LOSSES + 1):
        played[number].says(ConnectionError("no room"))
        ended = heard(executor)
    assert ended is not None
    assert (ended[1].status, ended[1].message) == (Status.FAILED, "no worker could be started: ConnectionError: no room")


def test_a_machine_without_what_is_needed_fails_its_task_and_says_so(played: list[PlayedWorker]) -> None:
    executor = RayExecutor(setup(), workers=1)
    executor.submit(task(0))
    played[0].says(Unusable("machine 10.0.0.7: jax is missing"))
    ended = heard(executor)
    assert ended is not None
    assert (ended[1].status, ended[1].message) == (Status.FAILED, "machine 10.0.0.7: jax is missing")


def test_a_worker_that_falls_silent_after_the_time_out_is_lost(
    played: list[PlayedWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_executor, "SILENCE_SECONDS", 0.0)
    executor = RayExecutor(setup(), workers=1, timeout_seconds=0.05)
    executor.submit(task(0))
    played[0].says(Ready())
    assert executor.wait(timeout_seconds=0.2) is None
    assert played[0].ended
    assert len(played) == 2


def test_what_an_actor_is_told_is_enough_to_build_the_evaluator(played: list[PlayedWorker]) -> None:
    cluster = Cluster(child_cpus=2, child_gpus=0.5)
    RayExecutor(setup(), workers=1, timeout_seconds=3.0, cluster=cluster).submit(task(0))
    hiring = played[0].hiring
    assert (hiring.evaluator, hiring.timeout_seconds, hiring.cluster) == (setup(), 3.0, cluster)
    assert [file.data for file in hiring.files] == [Path(SPACE.file or "").read_bytes()]


def test_a_file_travels_where_it_is_not_and_is_used_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    space, function = tmp_path / "space.py", tmp_path / "score.py"
    space.write_text("SPACE = 1\n")
    function.write_bytes(b"# \xff is no UTF-8\n")
    own = EvaluatorSpec("own", {"function": "f", "file": str(function), "digest": "0" * 64})
    given = EvaluatorSetup(own, msgspec.structs.replace(SPACE, file=str(space)))
    files = encoding.decode(encoding.line(own_files(given)), tuple[SentFile, ...], "files")
    assert at_hand(given, files) == given
    space.write_text("another one\n")
    function.unlink()
    found = at_hand(given, files)
    places = Path(found.space.file or ""), Path(found.evaluator.settings["file"])
    assert [place.name for place in places] == ["space.py", "score.py"]
    assert [place.read_bytes() for place in places] == [b"SPACE = 1\n", b"# \xff is no UTF-8\n"]
    assert at_hand(given, files) == found


def test_other_versions_on_a_machine_are_named() -> None:
    hiring = Hiring("0", setup(), (), None, None, Cluster(), {"numpy": "0.1"})
    assert re.fullmatch(r"numpy is [\d.]+, and 0\.1 where the search runs; install the same .*", ray_node._lacking(hiring))
    assert ray_node._lacking(msgspec.structs.replace(hiring, packages={})) == ""


def test_a_worker_with_a_gpu_that_jax_cannot_use_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    hiring = Hiring("0", setup(), (), None, None, Cluster(child_gpus=0.5), {})
    monkeypatch.setattr(ray_node, "visible_gpus", tuple)
    assert ray_node._lacking(hiring).startswith("JAX finds no GPU, and the worker was given one")
    monkeypatch.setattr(ray_node, "visible_gpus", lambda: ("0",))
    assert ray_node._lacking(hiring) == ""


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for refused in (check_ray, lambda: place_of("ray", None, None)):
        with pytest.raises(UserError, match=r"^--executor ray needs another package: pip install 'automl-cli\[ray\]'$"):
            refused()


def test_the_address_is_that_of_the_flag_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert address_of(Cluster()) is None
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert address_of(Cluster()) == "10.0.0.1:6379"
    assert address_of(Cluster(address="auto")) == "auto"
    with pytest.raises(UserError, match="an address for Ray clients; run the search on a machine of the cluster"):
        address_of(Cluster(address="ray://10.0.0.1:10001"))


def test_an_address_without_a_cluster_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(UserError, match=f"no Ray cluster answers at 127.0.0.1:{port}: .*refused.*`ray start --head`"):
            ray_cluster._probe(f"127.0.0.1:{port}")
    with pytest.raises(UserError, match="--ray-address cluster is no HOST:PORT"):
        ray_cluster._probe("cluster")


def test_workers_are_as_many_as_the_machine_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray_cluster, "available_cores", lambda: 32)
    monkeypatch.setattr(ray_cluster, "visible_gpus", lambda: ("0", "1"))
    rooms: Mapping[Cluster, int] = {
        Cluster(): 32,
        Cluster(child_cpus=5): 6,
        Cluster(child_cpus=4, child_gpus=1): 2,
        Cluster(child_cpus=4, child_gpus=0.1): 8,
    }
    assert {cluster: granted_workers(cluster) for cluster in rooms} == rooms
    with pytest.raises(UserError, match="leaves room for no worker: this machine has 32 cores and 2 GPUs"):
        granted_workers(Cluster(child_cpus=33))


def test_folders_of_killed_searches_are_removed_and_those_in_use_stay(tmp_path: Path) -> None:
    folders = [tmp_path / f"automl-ray-{name}" for name in ("killed", "held", "young")]
    for folder in folders:
        folder.mkdir()
    for folder in folders[:2]:
        os.utime(folder, (0, 0))
    with ray_cluster.filelock.FileLock(folders[1] / "held.lock"):
        os.utime(folders[1], (0, 0))
        ray_cluster._remove_abandoned(tmp_path)
    assert [folder.exists() for folder in folders] == [False, True, True]


# From here on with Ray.


@pytest.mark.usefixtures("ray_here")
def test_ray_gives_the_outcomes_of_serial_whatever_children_do() -> None:
    tasks = [task(trial) for trial in range(9)]
    reference = outcomes(SerialExecutor(setup(faults=FAULTS)), tasks)
    assert outcomes(RayExecutor(setup(faults=FAULTS), workers=2), tasks) == reference
    assert [reference[t.trial].status for t in tasks] == [STATUSES.get(t.genotype, Status.OK) for t in tasks]


@pytest.mark.usefixtures("ray_here")
def test_children_that_die_or_hang_end_their_own_task_only(capfd: pytest.CaptureFixture[str]) -> None:
    faults = {"2.2": "crash", "1.1": "exit", "2.1": "hang", "1.2": "print", "2.0": "kill"}
    genotypes = [(0, 0), (2, 2), (1, 1), (2, 1), (1, 2), (2, 0), (0, 1)]
    tasks = [task(trial, genotype=genotype) for trial, genotype in enumerate(genotypes)]
    executor = RayExecutor(setup(faults=faults), workers=1, timeout_seconds=2.0)
    found = outcomes(executor, tasks)
    endings = [Status.OK, Status.KILLED, Status.FAILED, Status.TIMEOUT, Status.OK, Status.KILLED, Status.OK]
    assert [found[trial].status for trial in range(7)] == endings
    assert found[2].message == "the worker ended with exit code 3: last words"
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("ray_here")
def test_a_child_that_allocates_without_end_is_out_of_memory_and_the_next_one_is_measured() -> None:
    executor = RayExecutor(setup(faults={"2.2": "allocate"}), workers=1, memory_limit_bytes=400 * 2**20)
    found = outcomes(executor, [task(0, genotype=(2, 2)), task(1)])
    assert [found[trial].status for trial in range(2)] == [Status.OUT_OF_MEMORY, Status.OK]
    assert "--memory-limit is 400MiB" in found[0].message


SEARCHES = {
    "arch": ["search-arch", "--space", "tests/tiny_space.py"],
    "cell": ["search-cell"],
    "activation": ["search-activation"],
    "optimizer": ["search-optimizer"],
    "policy": ["search-augment"],
}
TINY = ["--trials", "2", "--epochs", "1", "--train-examples", "200", "--strategy", "random", "--seed", "3", "--quiet"]


@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize("search", SEARCHES)
def test_the_same_seed_gives_the_same_bytes_as_serial(search: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name, executor in {"ray": ["ray", "--workers", "2"], "serial": ["serial"]}.items():
        assert run([*SEARCHES[search], *TINY, "--executor", *executor, "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "ray" / "best.json").read_bytes() == (tmp_path / "serial" / "best.json").read_bytes()


@pytest.mark.usefixtures("ray_here")
def test_a_worker_that_is_killed_from_outside_loses_nothing_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with contextlib.closing(RayExecutor(setup(seconds=1.5), workers=1)) as executor:
        executor.submit(task(0))
        assert executor.wait(timeout_seconds=180) is not None
        executor.submit(task(1))
        assert executor.wait(timeout_seconds=0.2) is None
        (actor,) = processes("ray::NodeWorker")
        os.kill(actor, signal.SIGKILL)
        ended = executor.wait(timeout_seconds=180)
    assert ended is not None
    assert (ended[0].trial, ended[1].status) == (1, Status.OK)
    assert until(lambda: not processes("ray::NodeWorker"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("ray_here")
def test_close_ends_actors_and_their_children() -> None:
    executor = RayExecutor(setup(faults={"0.0": "hang"}), workers=2)
    for trial in range(2):
        executor.submit(task(trial, genotype=(0, 0)))
    assert until(lambda: executor.wait(timeout_seconds=0.5) is None and len(children_of_actors()) == 2, seconds=180)
    started = children_of_actors()
    executor.close()
    assert until(lambda: not any(is_alive(child) for child in started))


PARENT = """
import sys
from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Task
from automl_cli.executors.ray_executor import RayExecutor
from automl_cli.store.encoding import decode
executor = RayExecutor(decode({setup!r}, EvaluatorSetup, "setup"), workers=1)
executor.submit(Task(0, (0, 0), 1, 1))
executor.submit(Task(1, (1, 0), 1, 1))
executor.wait()
print("running", flush=True)
executor.wait()
"""


def test_nothing_of_an_own_cluster_outlives_its_driver() -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'automl-cli[ray]'")
    code = PARENT.replace("{setup!r}", repr(encoding.line(setup(faults={"1.0": "hang"}))))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for name in [name for name in environment if name.startswith("RAY_")]:
        del environment[name]
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        family = descendants(process.pid)
        assert len(family) >= 4  # Ray's server, its raylet, an actor and the process of its children
        process.kill()
        process.wait()
    assert until(lambda: not any(map(is_alive, family)), seconds=90)


NODES = """
import sys
from ray.cluster_utils import Cluster as Nodes
from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Cluster, Task
from automl_cli.executors.ray_executor import RayExecutor
from automl_cli.store.encoding import decode
nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 0})
first = nodes.add_node(num_cpus=1)
nodes.wait_for_nodes()
cluster = Cluster(address=nodes.address)
executor = RayExecutor(decode({setup!r}, EvaluatorSetup, "setup"), workers=1, cluster=cluster)
executor.submit(Task(0, (0, 0), 1, 1))
print(executor.wait(240)[1].status, file=sys.stderr)
executor.submit(Task(1, (1, 0), 1, 1))
assert executor.wait(0.5) is None
nodes.remove_node(first, allow_graceful=False)
nodes.add_node(num_cpus=1)
task, outcome = executor.wait(240)
print(task.trial, outcome.status, file=sys.stderr)
executor.close()
nodes.shutdown()
"""


def test_a_trial_whose_machine_is_lost_is_done_on_another_one() -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'automl-cli[ray]'")
    code = NODES.replace("{setup!r}", repr(encoding.line(setup(seconds=2.0))))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line in ("ok", "1 ok")] == ["ok", "1 ok"], done.stderr


def processes(title: str) -> list[int]:
    """The processes of this title that the test's cluster started."""
    shown = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    mine = descendants(os.getpid())
    return [int(row.split()[0]) for row in shown.splitlines() if title in row and int(row.split()[0]) in mine]


def children_of_actors() -> list[int]:
    return processes("automl_cli.executors.worker_main")


def descendants(process: int) -> list[int]:
    """All processes below this one."""
    shown = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [row.split() for row in shown.splitlines()]
    parents = {int(pid): int(parent) for pid, parent, state in rows if not state.startswith("Z")}
    found: list[int] = []
    level = [process]
    while level:
        level = [pid for pid, parent in parents.items() if parent in level]
        found += level
    return found

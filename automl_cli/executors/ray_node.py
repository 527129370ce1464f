"""The actor that a worker of the Ray cluster is: on a node, with a process of its own there that evaluates the children.

The actor never imports JAX and cannot be hurt by a child: a child that crashes, exits, hangs or grows is ended and reported by
`LocalExecutor`, as on one machine. So where the actor itself is lost, the child had no part in it, and may be tried elsewhere.
Data are prepared and programs compiled in the caches of the node, which all its workers share.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

import msgspec
from msgspec import Struct

from automl_cli.core.protocols import EvaluatorSetup
from automl_cli.core.trials import Cluster, Outcome, Task
from automl_cli.executors.local import LocalExecutor
from automl_cli.executors.messages import Done, Message, Ready, Unusable
from automl_cli.executors.outcomes import described
from automl_cli.executors.sent_files import SentFile, at_hand
from automl_cli.store import encoding
from automl_cli.system.machine import installed_version
from automl_cli.system.process import resident_bytes, visible_gpus


class Hiring(Struct, frozen=True):
    """The first message to an actor: its name, the setup of its evaluator with the files that go with it, what it may take of
    time, of memory and of its node, and the versions of packages that it must have."""

    name: str
    evaluator: EvaluatorSetup
    files: tuple[SentFile, ...]
    timeout_seconds: float | None
    memory_limit_bytes: int | None
    cluster: Cluster
    packages: dict[str, str]


class NodeWorker:
    """One worker. Messages come and go as lines of JSON, the same structures as with worker processes of one machine."""

    def __init__(self, hiring: bytes) -> None:
        self._hiring = encoding.decode(hiring, Hiring, "hiring")
        self._executor: LocalExecutor | None = None
        self._name = self._hiring.name

    def start(self) -> bytes:
        """Return `Ready`, or `Unusable` with what the node lacks."""
        ray, hiring = import_module("ray"), self._hiring
        self._name = f"{hiring.name}@{ray.util.get_node_ip_address()}"
        try:
            _set_up_environment(hiring.cluster)
            if problem := _lacking(hiring):
                return _said(Unusable(f"machine {ray.util.get_node_ip_address()}: {problem}"))
            self._executor = LocalExecutor(
                at_hand(hiring.evaluator, hiring.files),
                workers=1,
                timeout_seconds=hiring.timeout_seconds,
                memory_limit_bytes=hiring.memory_limit_bytes,
                machine_share=1 / _neighbours(hiring.cluster),
                gpu_share=min(1.0, hiring.cluster.child_gpus or 1.0),
            )
        except Exception as error:  # noqa: BLE001  an exception must not travel between processes
            return _said(Unusable(f"machine {ray.util.get_node_ip_address()}: {described(error)}"))
        return _said(Ready())

    def evaluate(self, line: bytes) -> bytes:
        """Return the outcomes of the tasks in the line, in their order."""
        tasks, executor = encoding.decode_record(line, tuple[Task, ...], "tasks"), self._executor
        assert executor is not None
        executor.submit(*tasks)
        found: dict[Task, Outcome] = {}
        while len(found) < len(tasks):
            if (ended := executor.wait()) is not None:
                found[ended[0]] = msgspec.structs.replace(ended[1], worker=self._name)
        return _said(Done(tuple(found[task] for task in tasks), resident_bytes()))


def _said(message: Message) -> bytes:
    return encoding.line(message)


def _set_up_environment(cluster: Cluster) -> None:
    """Leave to the process of the children what it shall compute on, and the modules that are installed: Ray puts copies of
    its own before some of them. JAX is imported by that process, so these settings come first."""
    os.environ["JAX_PLATFORMS"] = "cuda,cpu" if cluster.child_gpus else "cpu"
    ray_folder = Path(import_module("ray").__file__ or "").parent
    sys.path[:] = [path for path in sys.path if not Path(path).is_relative_to(ray_folder)]


def _lacking(hiring: Hiring) -> str:
    """Return in words what this node lacks; nothing where it has all that is needed."""
    for package, wanted in hiring.packages.items():
        if (here := installed_version(package)) != wanted:
            return f"{package} is {here or 'missing'}, and {wanted} where the search runs; install the same versions on all"
    if hiring.cluster.child_gpus and not visible_gpus():
        return "JAX finds no GPU, and the worker was given one: pip install 'automl-cli[cuda]' there, or leave --child-gpus out"
    return ""


def _neighbours(cluster: Cluster) -> int:
    """Return how many workers, this one among them, the node may have."""
    ray = import_module("ray")
    here = ray.get_runtime_context().get_node_id()
    offer: dict[str, float] = next((node["Resources"] for node in ray.nodes() if node["NodeID"] == here), {})
    return max(1, cluster.room(offer.get("CPU", 0), offer.get("GPU", 0)))

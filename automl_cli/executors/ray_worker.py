"""A worker of the Ray cluster as its driver sees it: an actor that is given tasks, heard from, and ended."""

import contextlib
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from automl_cli.core.trials import Cluster, Task
from automl_cli.executors.messages import Message
from automl_cli.executors.ray_node import NodeWorker
from automl_cli.store import encoding

Answer = Message | Exception
"""What a worker said, or why nothing will come any more."""

RayEvents = SimpleQueue["tuple[RayWorker, Answer]"]
"""What workers said, in order of arrival."""


class RayWorker:
    """A worker. It is `starting`, until the cluster has room for it, then idle or busy with `tasks`, until it is ended."""

    def __init__(self, ray: Any, hiring: bytes, *, slot: int, cluster: Cluster, events: RayEvents) -> None:
        self.slot = slot
        self.starting = True
        self.tasks: tuple[Task, ...] = ()
        self.deadline: float | None = None
        self.ended = False
        self._ray, self._events = ray, events
        actor = ray.remote(NodeWorker).options(
            num_cpus=cluster.child_cpus, num_gpus=cluster.child_gpus, max_restarts=0, max_task_retries=0
        )
        self._actor = actor.remote(hiring)
        self._hear(self._actor.start.remote())

    def give(self, tasks: tuple[Task, ...], deadline: float | None) -> None:
        """Hand over tasks. One that says nothing by the deadline (on the monotonic clock) is taken for lost."""
        self.tasks, self.deadline = tasks, deadline
        self._hear(self._actor.evaluate.remote(encoding.line(tasks)))

    def end(self) -> None:
        """Kill the actor, and with it the process of its children."""
        self.ended = True
        with contextlib.suppress(Exception):  # the actor, its node or the whole cluster may be gone already
            self._ray.kill(self._actor, no_restart=True)

    def _hear(self, answer: Any) -> None:
        """Put the answer into the queue of events when it comes."""
        answer.future().add_done_callback(self._take)

    def _take(self, answer: "Future[bytes]") -> None:
        try:
            self._events.put((self, encoding.decode(answer.result(), Message, "answer of a worker")))  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001  whatever Ray raises is the executor's to judge
            self._events.put((self, error))

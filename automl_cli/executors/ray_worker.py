"""A worker of the Ray cluster as its driver sees it: an actor that is given tasks, heard from, and ended."""

import contextlib
from collections import deque
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from automl_cli.core.trials import Cluster, Task
from automl_cli.executors.messages import Message
from automl_cli.executors.ray_node import NodeWorker
from automl_cli.store import encoding

Answer = Message | Exception
"""What a worker said, or why nothing will come any more."""

RayEvents = SimpleQueue["tuple[RayWorker, tuple[Task, ...], Answer]"]
"""What workers said, and of which tasks, in order of arrival."""


class RayWorker:
    """A worker. It is `starting`, until the cluster has room for it, then idle or busy with what it was `given`, one after the
    other, until it is ended. It is `quick` where its last child was."""

    def __init__(self, ray: Any, hiring: bytes, *, slot: int, cluster: Cluster, events: RayEvents) -> None:
        self.slot = slot
        self.starting = True
        self.given: deque[tuple[Task, ...]] = deque()
        self.deadline: float | None = None
        self.quick = False
        self.ended = False
        self._ray, self._events = ray, events
        actor = ray.remote(NodeWorker).options(
            num_cpus=cluster.child_cpus, num_gpus=cluster.child_gpus, max_restarts=0, max_task_retries=0
        )
        self._actor = actor.remote(hiring)
        self._hear((), self._actor.start.remote())

    def give(self, tasks: tuple[Task, ...], deadline: float | None) -> None:
        """Hand over tasks. One that says nothing by the deadline (on the monotonic clock) is taken for lost."""
        self.given.append(tasks)
        self.deadline = deadline
        self._hear(tasks, self._actor.evaluate.remote(encoding.line(tasks)))

    def end(self) -> None:
        """Kill the actor, and with it the process of its children."""
        self.ended = True
        with contextlib.suppress(Exception):  # the actor, its node or the whole cluster may be gone already
            self._ray.kill(self._actor, no_restart=True)

    def _hear(self, tasks: tuple[Task, ...], answer: Any) -> None:
        """Put the answer into the queue of events when it comes."""

        def take(answer: "Future[bytes]") -> None:
            said: Answer
            try:
                said = encoding.decode_record(answer.result(), Message, "answer of a worker")  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001  whatever Ray raises is the executor's to judge
                said = error
            self._events.put((self, tasks, said))

        answer.future().add_done_callback(take)

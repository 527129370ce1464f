"""One task after the other, in this process: the reference that every other executor must equal, and the one for a debugger.

It gives the same bits as worker processes because it computes with the same settings: they are made before JAX starts its
backend (`automl search-…` does so first of all; the constructor repeats it for other callers). It computes on the CPU; for a
GPU there is the local executor with one worker.
"""

from collections import deque

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import Evaluator
from automl_cli.core.trials import EvaluatorSpec, Outcome, Status, Task
from automl_cli.executors.attempts import attempt, described
from automl_cli.plugins.registry import EVALUATORS, load
from automl_cli.system.process import set_up_this_process


def check_serial(workers: int, timeout_seconds: float | None) -> None:
    """Raises UserError for what the serial executor cannot do, so that it can be said before anything is made."""
    if workers != 1:
        raise UserError(f"the serial executor has one worker, not {workers}; use --executor local")
    if timeout_seconds is not None:
        raise UserError("the serial executor cannot end a child that takes too long; use --executor local with --trial-timeout")


class SerialExecutor:
    """Evaluates in `wait`. `workers` is 1, and a child cannot be interrupted."""

    def __init__(self, spec: EvaluatorSpec, *, workers: int = 1, timeout_seconds: float | None = None) -> None:
        check_serial(workers, timeout_seconds)
        set_up_this_process()
        self._spec = spec
        self._evaluator: Evaluator | None = None
        self._waiting: deque[Task] = deque()

    def submit(self, task: Task) -> None:
        """Accept a task."""
        self._waiting.append(task)

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        """Evaluate the task that waited longest."""
        if not self._waiting:
            return None
        task = self._waiting.popleft()
        try:
            evaluator = self._built_evaluator()
        except Exception as error:  # noqa: BLE001  the same outcome as from a worker process
            message = f"the evaluator {self._spec.name!r} cannot be built: {described(error)}"
            return task, Outcome(Status.FAILED, message=message, worker="0")
        return task, attempt(evaluator, task, "0")

    def close(self) -> None:
        """Drop what waits."""
        self._waiting.clear()

    def _built_evaluator(self) -> Evaluator:
        if self._evaluator is None:
            self._evaluator = load("evaluator", EVALUATORS, self._spec.name)(self._spec.settings)
        return self._evaluator

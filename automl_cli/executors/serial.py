"""Evaluate one task after the other in this process: the reference that every other executor must equal.

It gives the same bits as worker processes because it computes with the same settings: they are made before JAX starts its
backend (`automl search-…` does so first of all; the constructor repeats it for other callers). It computes on the CPU; for a
GPU there is the local executor with one worker.
"""

from collections import deque

from automl_cli.core.errors import UserError
from automl_cli.core.protocols import Evaluator, EvaluatorSetup
from automl_cli.core.trials import Outcome, Status, Task
from automl_cli.executors.outcomes import attempt_all, described
from automl_cli.executors.setting_up import built_evaluator
from automl_cli.system.process import set_up_this_process


def check_serial(workers: int, timeout_seconds: float | None) -> None:
    """Raise UserError for what the serial executor cannot do, so that it can be said before anything is made."""
    if workers != 1:
        raise UserError(f"the serial executor has one worker, not {workers}; use --executor local")
    if timeout_seconds is not None:
        raise UserError("the serial executor cannot end a child that takes too long; use --executor local with --trial-timeout")


class SerialExecutor:
    """Evaluates tasks when `wait` is called. `workers` is 1, and a child cannot be interrupted."""

    def __init__(self, setup: EvaluatorSetup, *, workers: int = 1, timeout_seconds: float | None = None) -> None:
        check_serial(workers, timeout_seconds)
        set_up_this_process()
        self._setup = setup
        self._evaluator: Evaluator | None = None
        self._waiting: deque[tuple[Task, ...]] = deque()
        self._ended: deque[tuple[Task, Outcome]] = deque()

    def submit(self, *tasks: Task) -> None:
        """Accept tasks that are evaluated together."""
        self._waiting.append(tasks)

    def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
        """Evaluate the tasks that waited longest, and return one of them with its outcome; None where nothing waits."""
        if not self._ended:
            if not self._waiting:
                return None
            tasks = self._waiting.popleft()
            self._ended.extend(zip(tasks, self._outcomes(tasks), strict=True))
        return self._ended.popleft()

    def close(self) -> None:
        """Drop the tasks that wait."""
        self._waiting.clear()
        self._ended.clear()

    def _outcomes(self, tasks: tuple[Task, ...]) -> tuple[Outcome, ...]:
        try:
            evaluator = self._built_evaluator()
        except (Exception, SystemExit) as error:  # noqa: BLE001  the same outcome as from a worker process
            message = f"the evaluator {self._setup.evaluator.name!r} cannot be built: {described(error)}"
            return tuple(Outcome(Status.FAILED, message=message, worker="0") for _ in tasks)
        return attempt_all(evaluator, tasks, "0")

    def _built_evaluator(self) -> Evaluator:
        if self._evaluator is None:
            self._evaluator = built_evaluator(self._setup)
        return self._evaluator

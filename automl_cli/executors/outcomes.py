"""Evaluate tasks and return one outcome for each, whatever the evaluator raises."""

import time
import traceback
from collections.abc import Sequence

from automl_cli.core.protocols import Diverged, Evaluator, GroupEvaluator, NoResult
from automl_cli.core.trials import Outcome, Status, Task

LONGEST_MESSAGE = 1000


def attempt(evaluator: Evaluator, task: Task, worker: str) -> Outcome:
    """Evaluate a task and return how it ended. Only Ctrl-C passes through: where `sys.exit` is called, the task has failed.

    A child never ends the study, and an exception must not travel between processes.
    """
    started = time.perf_counter()
    try:
        measurement = evaluator.evaluate(task)
    except (Exception, SystemExit) as error:  # noqa: BLE001  see above
        return _without_score(error, time.perf_counter() - started, worker)
    return Outcome(Status.OK, measurement, seconds=time.perf_counter() - started, worker=worker)


def attempt_all(evaluator: Evaluator | GroupEvaluator, tasks: Sequence[Task], worker: str) -> tuple[Outcome, ...]:
    """Evaluate tasks that were given together and return an outcome for each, with an equal share of the time."""
    if len(tasks) == 1:
        return (attempt(evaluator, tasks[0], worker),)
    started = time.perf_counter()
    try:
        found = evaluator.evaluate_group(tasks)  # type: ignore[union-attr]
    except (Exception, SystemExit) as error:  # noqa: BLE001  as in `attempt`
        found = [error] * len(tasks)
    seconds = (time.perf_counter() - started) / len(tasks)
    return tuple(
        _without_score(one, seconds, worker)
        if isinstance(one, BaseException)
        else Outcome(Status.OK, one, seconds=seconds, worker=worker)
        for one in found
    )


def _without_score(error: BaseException, seconds: float, worker: str) -> Outcome:
    """The outcome of a task that raised this."""
    if isinstance(error, NoResult):
        return Outcome(Status.DIVERGED, message=str(error), seconds=seconds, worker=worker, reason=error.reason)
    return Outcome(_status_of(error), message=described(error), seconds=seconds, worker=worker)


def described(error: BaseException) -> str:
    """Return kind, text and place of an exception, in at most a thousand characters.

    >>> described(ValueError("no such axis"))
    'ValueError: no such axis'
    """
    text = str(error).strip().encode(errors="replace").decode() or "no message"  # a lone surrogate has no UTF-8
    place = ""
    if frames := traceback.extract_tb(error.__traceback__):
        last = frames[-1]
        place = f" ({last.filename.rpartition('/')[2]}:{last.lineno} in {last.name})"
    return shortened(f"{type(error).__name__}: {text}", LONGEST_MESSAGE - len(place)) + place


def shortened(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Cut the middle out of a text that is too long: causes stand at its beginning or at its end."""
    if len(text) <= longest:
        return text
    half = (longest - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def _status_of(error: BaseException) -> Status:
    if isinstance(error, Diverged):
        return Status.DIVERGED
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):  # the latter is XLA's
        return Status.OUT_OF_MEMORY
    return Status.FAILED

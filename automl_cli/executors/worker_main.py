"""The program that a worker process runs: `python -m automl_cli.executors.worker_main`.

It reads a `Setup` and then tasks from its standard input, those given together on one line of JSON, and answers on what was its
standard output. Whatever the evaluator or a library prints goes to standard error. It ends when its input ends, in the middle
of a task too, so that no worker outlives its parent.
"""

import faulthandler
import os
import signal
import sys
import threading
from io import BufferedWriter
from queue import SimpleQueue
from typing import BinaryIO

from automl_cli.core.protocols import Evaluator
from automl_cli.core.trials import Task
from automl_cli.executors.messages import Done, Message, Ready, Setup, Unusable
from automl_cli.executors.outcomes import attempt_all, described
from automl_cli.executors.setting_up import built_evaluator
from automl_cli.store import encoding
from automl_cli.system.jax_settings import set_settings_aside
from automl_cli.system.process import LEFT_TO_THE_PARENT, die_first, die_with, keep_heap, resident_bytes
from automl_cli.system.warden import kill_group


def main() -> None:
    """Build the evaluator and evaluate tasks until the input ends."""
    _leave_signals_to_the_parent()
    faulthandler.enable(all_threads=False)  # the last words of a crash are where it happened
    answers = _take_standard_output()
    setup = encoding.decode(sys.stdin.buffer.readline(), Setup, "setup")
    die_with(setup.parent)
    set_settings_aside()
    die_first()
    keep_heap()
    tasks: SimpleQueue[tuple[Task, ...]] = SimpleQueue()
    threading.Thread(target=_read_tasks, args=(sys.stdin.buffer, tasks), daemon=True).start()
    try:
        evaluator: Evaluator = built_evaluator(setup.evaluator)
    except Exception as error:  # noqa: BLE001  any defect of an evaluator is the parent's to report
        _say(answers, Unusable(described(error)))
        return
    _say(answers, Ready())
    while True:
        outcomes = attempt_all(evaluator, tasks.get(), setup.name)
        _say(answers, Done(outcomes, resident_bytes()))


def _leave_signals_to_the_parent() -> None:
    """Take no notice of signals that ask a search to end: a scheduler sends them to every process of a job, and it is the
    parent that decides. What this process starts hears them, unlike with `SIG_IGN`."""
    for number in LEFT_TO_THE_PARENT:
        signal.signal(number, lambda number, frame: None)
        signal.siginterrupt(number, False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, LEFT_TO_THE_PARENT)


def _take_standard_output() -> BufferedWriter:
    """Return a private handle on standard output, which no fork of this process has: the parent waits for its end. From now on
    all other prints go to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.register_at_fork(after_in_child=answers.raw.close)
    return answers


def _read_tasks(source: BinaryIO, tasks: "SimpleQueue[tuple[Task, ...]]") -> None:
    try:
        for line in source:
            tasks.put(encoding.decode(line, tuple[Task, ...], "tasks"))
    finally:
        kill_group(os.getpid())  # the parent is gone, or done with this worker
        os._exit(0)


def _say(answers: BinaryIO, message: Message) -> None:
    answers.write(encoding.line(message))
    answers.flush()


if __name__ == "__main__":
    main()

"""Which trials go to one worker together, for evaluators that score several children at once."""

from collections.abc import Iterable, Mapping

from automl_cli.core.protocols import Executor
from automl_cli.core.trials import Status, Task, Trial
from automl_cli.study.proposals import ProposalQueue


class TaskGroups:
    """Trials k m … k m + m - 1, as far as they have evaluations of their own, make one task; m is `search.together`.

    A task that was cut off by the end of a session is done again as a whole, since a child may be scored by the others beside
    it. Outcomes that are on record stay as they are.
    """

    def __init__(self, search: ProposalQueue, executor: Executor) -> None:
        self.done_again: set[int] = set()
        """Trials with an outcome on record that are under way once more, beside others of their task."""
        self._search = search
        self._executor = executor
        self._gathered: dict[int, Task] = {}
        self._on_record: dict[int, Task] = {}

    def gather(self, task: Task) -> None:
        """Keep what a worker is to do, together with what comes next."""
        self._gathered[task.trial] = task

    def replay(self, trial: Trial) -> None:
        """Note a trial on record, which may be done again."""
        own = trial.reused is None and trial.outcome.status is not Status.OVER_LIMIT
        if own and self._search.together > 1:
            self._on_record[trial.number] = trial.task

    def hand_over(self) -> None:
        """Give what was gathered to a worker."""
        gathered, self._gathered = self._gathered, {}
        if gathered:
            self._executor.submit(*_in_order(gathered))

    def hand_over_cut_off(self) -> None:
        """The tasks that were under way when an earlier session ended, each as a whole; the last one may grow yet."""
        search, tasks = self._search, {self._task_of(trial) for trial in self._gathered}
        again = {trial: task for trial, task in self._on_record.items() if self._task_of(trial) in tasks}
        self.done_again, gathered = set(again), self._gathered | again
        for number in sorted(tasks):
            self._gathered = {trial: task for trial, task in gathered.items() if self._task_of(trial) == number}
            if (number + 1) * search.together <= search.next or search.next == search.trials:
                self.hand_over()

    def _task_of(self, trial: int) -> int:
        return trial // self._search.together


def _in_order(tasks: Mapping[int, Task]) -> Iterable[Task]:
    return (tasks[trial] for trial in sorted(tasks))

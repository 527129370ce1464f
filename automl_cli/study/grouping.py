"""Groups consecutive trials into one task of a worker, for evaluators that score several children at once."""

from collections.abc import Iterable, Mapping

from automl_cli.core.protocols import Executor
from automl_cli.core.trials import Status, Task, Trial
from automl_cli.study.proposals import ProposalQueue


class TaskGroups:
    """Groups trials into tasks of `search.together` = m consecutive numbers: trials k m … k m + m - 1 are task k.

    Trials that take the outcome of an earlier one, or are over a limit, are left out.

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
        """Keep a task until it is handed over, together with those that follow."""
        self._gathered[task.trial] = task

    def replay(self, trial: Trial) -> None:
        """Note a trial on record, in case its task has to be done again."""
        own = trial.reused is None and trial.outcome.status is not Status.OVER_LIMIT
        if own and self._search.together > 1:
            self._on_record[trial.number] = trial.task

    def hand_over(self) -> None:
        """Submit the gathered trials to a worker."""
        gathered, self._gathered = self._gathered, {}
        if gathered:
            self._executor.submit(*_in_order(gathered))

    def hand_over_cut_off(self) -> None:
        """Submit again, each as a whole, the tasks that were under way when an earlier session ended.

        The last of them is kept back while trials may still join it.
        """
        search, tasks = self._search, {self._task_of(trial) for trial in self._gathered}
        again = {trial: task for trial, task in self._on_record.items() if self._task_of(trial) in tasks}
        self.done_again, gathered = set(again), self._gathered | again
        for number in sorted(tasks):
            self._gathered = {trial: task for trial, task in gathered.items() if self._task_of(trial) == number}
            if (number + 1) * search.together <= search.next or search.asked_all:
                self.hand_over()

    def _task_of(self, trial: int) -> int:
        return trial // self._search.together


def _in_order(tasks: Mapping[int, Task]) -> Iterable[Task]:
    return (tasks[trial] for trial in sorted(tasks))

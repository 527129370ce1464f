"""Runs a comparison: first every value at each learning rate for one epoch, then at its best on several seeds.

The journal is that of a search, with two stages: trials of the search stage are those that choose the rate, and trials of the
retraining stage are compared. A genotype is (value, rate). Every training that has ended is a record, so a killed comparison
goes on with the others, and its result is the same.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Literal

from automl_cli.core.errors import ArtifactError, RunFailed
from automl_cli.core.numbers import LARGEST
from automl_cli.core.protocols import EvaluatorSetup, Executor
from automl_cli.core.random_streams import stream_seed
from automl_cli.core.trials import EvaluatorSpec, Outcome, Stage, Status, Task, Trial
from automl_cli.evaluators.compared import ComparedSettings, OneWay
from automl_cli.evaluators.trained import TrainedEvaluator
from automl_cli.kinds.comparison import ComparisonSettings
from automl_cli.plugins.listing import problem_named
from automl_cli.plugins.registry import EXECUTORS
from automl_cli.store.encoding import plain
from automl_cli.store.file_names import COMPARISON_FILE
from automl_cli.store.journal import Asked, Ended, Journal, Started, Told, placed_records
from automl_cli.store.ledger import Ledger
from automl_cli.store.run_directory import RunDirectory

OnTrial = Callable[[Trial | None, int, int], None]
"""Called with a training that has ended (None at the beginning), how many have ended, and how many there are in its stage."""


def setup_of(settings: ComparisonSettings) -> EvaluatorSetup:
    """Return the data that workers build the evaluator from."""
    ways = tuple(
        OneWay(filling=value.filling, recipe=value.recipe, rates=settings.rates_of(number))
        for number, value in enumerate(settings.values)
    )
    compared = ComparedSettings(role=settings.role, ways=ways, engine=settings.engine)
    timings = None if settings.timings is None else plain(settings.timings)
    return EvaluatorSetup(EvaluatorSpec("compared", plain(compared)), settings.space, plain(settings.child), timings=timings)


def prepare_comparison(settings: ComparisonSettings, report: Callable[[int, int], None]) -> None:
    """Raise DataError where the data are no longer what they were, and prepare them for all workers as every value reads
    them."""
    TrainedEvaluator.check(setup_of(settings))
    for value in settings.values:
        problem_named(settings.child.problem.name).prepare(settings.child.filled(**{settings.role: value.filling}), report)


def run_comparison(run: RunDirectory, settings: ComparisonSettings, *, on_trial: OnTrial) -> tuple[Trial, ...]:
    """Run or continue the comparison of a directory that this process holds, and return its trainings.

    Raises RunFailed where none of those that are compared ended well for a reason that is not the value's own.
    """
    ledger = ledger_of(run.journal_file)
    check_trainings(run.journal_file, settings, ledger)
    make = EXECUTORS.load(settings.executor)
    with closing(Journal(run.journal_file)) as journal, closing(make(setup_of(settings), workers=settings.workers)) as executor:
        session = _Session(journal, ledger, executor, on_trial, time.monotonic())
        journal.append(Started(at=time.time(), executor=settings.executor, workers=settings.workers))
        ending: Literal["finished", "interrupted", "failed"] = "failed"
        try:
            session.run(sweep_tasks(settings), Stage.SEARCH)
            session.run(final_tasks(settings, best_rates(settings, ledger.trials.values())), Stage.RETRAIN)
            ending = "finished"
        except KeyboardInterrupt:
            ending = "interrupted"
            raise
        finally:
            journal.append(Ended(reason=ending, elapsed=session.elapsed))
    trials = tuple(ledger.trials.values())
    _check_something_ended(trials)
    return trials


def ledger_of(journal: Path) -> Ledger:
    """Return the trainings on record. Raises ArtifactError, naming file and line, for a record that cannot stand there."""
    ledger = Ledger()
    for place, record in placed_records(journal):
        if isinstance(record, Asked):
            ledger.ask(record, place)
        elif isinstance(record, Told):
            ledger.tell(record, place)
    return ledger


def check_trainings(journal: Path, settings: ComparisonSettings, ledger: Ledger) -> None:
    """Raise ArtifactError where a training on record is not one that the settings ask for."""
    rates = best_rates(settings, ledger.trials.values())
    expected = {(task.stage, task.trial): task for task in (*sweep_tasks(settings), *final_tasks(settings, rates))}
    recorded = {key: trial.task for key, trial in ledger.trials.items()}
    recorded |= {key: asked.task for key, asked in ledger.open.items()}
    for (stage, number, _), task in recorded.items():
        if expected.get((stage, number)) != task:
            raise ArtifactError(
                f"{journal}: trial {number} of the {stage} is not what {COMPARISON_FILE} asks for, which was changed by hand; "
                "put that back, or start again with --overwrite"
            )


def sweep_tasks(settings: ComparisonSettings) -> list[Task]:
    """Return the trainings that choose the learning rates: one epoch each, from the same seed, for values with several."""
    seed = stream_seed(settings.seed, "learning-rates") % LARGEST
    pairs = [
        (value, rate)
        for value in range(len(settings.values))
        if len(settings.rates_of(value)) > 1
        for rate in range(len(settings.rates_of(value)))
    ]
    return [Task(trial, pair, seed, 1, Stage.SEARCH) for trial, pair in enumerate(pairs)]


def best_rates(settings: ComparisonSettings, trials: Iterable[Trial]) -> dict[int, int]:
    """Return the index of the best learning rate of each value, the lowest of equally good ones, as in searches.

    A value without a score at any rate has none.
    """
    best: dict[int, int] = {value: 0 for value in range(len(settings.values)) if len(settings.rates_of(value)) == 1}
    scores: dict[int, list[tuple[float, int]]] = {}
    for trial in trials:
        measurement = trial.outcome.measurement
        if trial.task.stage is Stage.SEARCH and measurement is not None:
            value, rate = trial.task.genotype
            sign = -1 if measurement.metrics["lower_is_better"] else 1
            scores.setdefault(value, []).append((sign * measurement.scores[-1], -rate))
    return best | {value: -max(found)[1] for value, found in scores.items()}


def final_tasks(settings: ComparisonSettings, rates: Mapping[int, int]) -> list[Task]:
    """Return the trainings that are compared: the same seeds for all values."""
    seeds = [stream_seed(settings.seed, "compare", number) % LARGEST for number in range(settings.seeds)]
    return [
        Task(value * settings.seeds + number, (value, rate), seed, settings.epochs, Stage.RETRAIN)
        for value, rate in sorted(rates.items())
        for number, seed in enumerate(seeds)
    ]


class _Session:
    """The trainings of one session."""

    def __init__(self, journal: Journal, ledger: Ledger, executor: Executor, on_trial: OnTrial, began: float) -> None:
        self._journal = journal
        self._ledger = ledger
        self._executor = executor
        self._on_trial = on_trial
        self._began = began

    @property
    def elapsed(self) -> float:
        """Seconds since the session began."""
        return time.monotonic() - self._began

    def run(self, tasks: list[Task], stage: Stage) -> None:
        """Run those of these tasks that have not ended yet."""
        left = [task for task in tasks if (stage, task.trial, 0) not in self._ledger.trials]
        for task in left:
            if (stage, task.trial, 0) not in self._ledger.open:
                self._ask(task)
            self._executor.submit(task)
        done = len(tasks) - len(left)
        self._on_trial(None, done, len(tasks))
        for _ in left:
            ended = self._executor.wait()
            assert ended is not None
            done += 1
            self._on_trial(self._tell(*ended), done, len(tasks))

    def _ask(self, task: Task) -> None:
        asked = Asked(
            trial=task.trial,
            stage=task.stage,
            genotype=task.genotype,
            log_probability=None,
            seed=task.seed,
            epochs=task.epochs,
        )
        self._journal.append(asked)
        self._ledger.ask(asked, str(self._journal.path))

    def _tell(self, task: Task, outcome: Outcome) -> Trial:
        told = Told(trial=task.trial, stage=task.stage, outcome=outcome, reused=None, elapsed=self.elapsed)
        self._journal.append(told)
        return self._ledger.tell(told, str(self._journal.path))


def _check_something_ended(trials: tuple[Trial, ...]) -> None:
    """Raise RunFailed where nothing has a score and the reason is not that all of it diverged."""
    broken = [trial for trial in trials if trial.outcome.status not in (Status.OK, Status.DIVERGED)]
    if broken and not any(trial.outcome.status is Status.OK for trial in trials):
        raise RunFailed(f"no training ended well; the first of them: {broken[0].outcome.message}")

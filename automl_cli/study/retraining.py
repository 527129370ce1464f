"""Trains after the search: the best again, longer and on new seeds, then the winner beside what one would make by hand.

    retrain   each of the `retrain_top` best, on `retrain_seeds` seeds of its own: replicates 0, 1, …; the winner is the one
              with the best mean
    baseline  what is made by hand on as many seeds, and the winner on as many more that it was not chosen by (the next
              replicates of the stage `retrain`): chosen as the best of several, it would look better than it is

What is trained here is counted in no budget of trials and told to no strategy, and the second step changes no winner. All of it
stands in the journal: a resumed study trains what is missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from automl_cli.core.protocols import Executor
from automl_cli.core.trials import Outcome, Stage, Task, Trial
from automl_cli.store.journal import Asked, Journal, Told, TrainingKey
from automl_cli.store.study import StudySettings
from automl_cli.study.evaluation_cache import Representative, child_seed, itself
from automl_cli.study.incumbent import Winner, winner_of

Wait = Callable[[], tuple[Task, Outcome] | None]
"""Returns the next task that ended; None when the time budget ends before."""


class FinalTrainings:
    """The trainings after a search: those on record, and those that are missing."""

    def __init__(
        self,
        settings: StudySettings,
        executor: Executor,
        journal: Journal,
        *,
        standing_for: Representative = itself,
        elapsed: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._executor = executor
        self._journal = journal
        self._standing_for = standing_for
        self._elapsed = elapsed
        self._asked: dict[TrainingKey, Asked] = {}
        self._outcomes: dict[TrainingKey, Outcome] = {}

    def replay(self, record: Asked | Told) -> None:
        """Take a record of a stage after the search."""
        if isinstance(record, Asked):
            self._asked[record.key] = record
        else:
            self._outcomes[record.stage, record.trial, record.replicate] = record.outcome

    def again(self, candidates: Sequence[Trial]) -> list[Asked]:
        """Return the trainings by which the winner is chosen among these."""
        seeds = range(self._settings.retrain_seeds)
        return [self._of_trial(trial, replicate) for replicate in seeds for trial in candidates]

    def beside(self, winner: Trial) -> list[Asked]:
        """Return the trainings by which the winner is compared with what is made by hand; none where nothing is."""
        if self._settings.baseline is None:
            return []
        seeds = self._settings.retrain_seeds
        return [
            one
            for replicate in range(seeds)
            for one in (self._of_trial(winner, seeds + replicate), self._of_baseline(replicate))
        ]

    def outcomes(self, candidates: Sequence[Trial]) -> Mapping[int, tuple[Outcome, ...]] | None:
        """Return the outcomes by which the winner is chosen, by trial; None unless there is something, and all of it is
        there."""
        return chosen_by(self._outcomes, candidates, self._settings)

    def missing(self, wanted: Iterable[Asked]) -> int:
        """Return how many of these have not ended."""
        return sum(asked.key not in self._outcomes for asked in wanted)

    def run(self, wanted: Sequence[Asked], wait: Wait, report: Callable[[int, int], None]) -> bool:
        """Train those that have not ended, and report how many have, of how many. Return False when the time ends before."""
        if not (left := self.missing(wanted)):
            return True
        report(len(wanted) - left, len(wanted))
        submitted = {asked.task: asked for asked in self._submitted(wanted)}
        for done in range(len(wanted) - left + 1, len(wanted) + 1):
            if (ended := wait()) is None:
                return False
            self._tell(submitted[ended[0]], ended[1])
            report(done, len(wanted))
        return True

    def _submitted(self, wanted: Iterable[Asked]) -> Iterator[Asked]:
        """Submit those that have not ended, each written down before, and yield them."""
        for asked in wanted:
            if asked.key in self._outcomes:
                continue
            if asked.key not in self._asked:
                self._asked[asked.key] = asked
                self._journal.append(asked)
            self._executor.submit(self._asked[asked.key].task)
            yield self._asked[asked.key]

    def _tell(self, asked: Asked, outcome: Outcome) -> None:
        told = Told(
            trial=asked.trial,
            stage=asked.stage,
            outcome=outcome,
            reused=None,
            elapsed=self._elapsed(),
            replicate=asked.replicate,
        )
        self._journal.append(told)
        self._outcomes[asked.key] = outcome

    def _of_trial(self, trial: Trial, replicate: int) -> Asked:
        genotype, epochs = trial.task.genotype, self._settings.retrain_epochs
        return Asked(
            trial=trial.number,
            stage=Stage.RETRAIN,
            genotype=genotype,
            log_probability=None,
            seed=seed_after(self._settings, Stage.RETRAIN, self._standing_for(genotype), replicate),
            epochs=epochs,
            replicate=replicate,
        )

    def _of_baseline(self, replicate: int) -> Asked:
        return Asked(
            trial=0,
            stage=Stage.BASELINE,
            genotype=(),
            log_probability=None,
            seed=seed_after(self._settings, Stage.BASELINE, (), replicate),
            epochs=self._settings.retrain_epochs,
            replicate=replicate,
        )


def seed_after(settings: StudySettings, stage: Stage, standing: tuple[int, ...], replicate: int) -> int:
    """Return the seed of a training after the search; `standing` is the genotype that stands for all that mean the same."""
    return child_seed(settings.seed, standing, stage, settings.retrain_epochs, replicate=replicate or None)


def chosen_by(
    outcomes: Mapping[TrainingKey, Outcome], candidates: Sequence[Trial], settings: StudySettings
) -> dict[int, tuple[Outcome, ...]] | None:
    """Return the outcomes by which a winner is chosen among these candidates, by trial; None where there are no candidates, and
    where a training is missing."""
    keys = {
        trial.number: [(Stage.RETRAIN, trial.number, seed) for seed in range(settings.retrain_seeds)] for trial in candidates
    }
    if not keys or any(key not in outcomes for of_one in keys.values() for key in of_one):
        return None
    return {number: tuple(outcomes[key] for key in of_one) for number, of_one in keys.items()}


def winner_on_record(
    ranked: Sequence[Trial],
    outcomes: Mapping[TrainingKey, Outcome],
    settings: StudySettings,
    *,
    joins: int,
    searched: bool,
) -> Winner:
    """Return the winner among ranked trials by what is on record: by retraining where the search is over and all of that is
    there, and else the first. `outcomes` are those of the trainings after the search, others are passed over."""
    retrained = chosen_by(outcomes, ranked[: settings.retrain_top], settings) if searched else None
    return winner_of(ranked, settings, joins=joins, retrained=retrained)

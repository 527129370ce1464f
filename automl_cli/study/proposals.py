"""Decides which trial is asked when, and what the strategy is told before: a function of seed and outcomes alone.

No clock, no files, no workers. Live or replayed from a journal, in whatever order outcomes arrive, the same outcomes give the
same proposals and the same ranking.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from automl_cli.core.decisions import Genotype
from automl_cli.core.protocols import EarlierTrial, FixedStrategy, Strategy
from automl_cli.core.trials import Outcome, Proposal, Stage, Status, Trial
from automl_cli.store.journal import Asked, Told
from automl_cli.store.rung_records import Promoted
from automl_cli.store.study import StudySettings
from automl_cli.study.evaluation_cache import Evaluation, EvaluationCache, Representative, itself
from automl_cli.study.incumbent import ranking_of
from automl_cli.study.limits import OverLimit
from automl_cli.study.rungs import rungs_of

FAILURES = frozenset({Status.FAILED, Status.OUT_OF_MEMORY, Status.TIMEOUT, Status.KILLED})
"""The statuses that count towards `--max-failures`: a child that diverged or is over a limit is no failure of the machine."""


def window(in_flight: int, batch: int) -> int:
    """Return the number of in-flight trials rounded up to whole batches.

    >>> window(8, 1), window(8, 5)
    (8, 10)
    """
    return -(-in_flight // batch) * batch


class ProposalQueue:
    """Leads trials from proposal to reward: `ask` and `enter` open a trial, `settle` ends it."""

    def __init__(
        self,
        settings: StudySettings,
        strategy: Strategy,
        *,
        together: int = 1,
        joins: int = 0,
        standing_for: Representative = itself,
    ) -> None:
        self.trials = settings.trials
        """The number of trials that are wanted. Those over a limit do not count."""
        self.over_limit = OverLimit()
        self.open: dict[int, Asked] = {}
        """Proposed, without an outcome."""
        self.finished = 0
        """The number of trials with an outcome."""
        self.endings: Counter[str] = Counter()
        """Their numbers by `Outcome.ending`."""
        self.too_many_failures: Trial | None = None
        """The trial that completed a row of `--max-failures`: in the order of trials, not of their ends."""
        self.ranking = ranking_of(settings, joins=joins, standing_for=standing_for)
        self.together = together
        """The number of consecutive trials that make one task. The window holds at least so many."""
        self.rungs = rungs_of(settings)
        self._reward_function = settings.reward
        self._max_failures = settings.max_failures
        self._failures_in_a_row = 0  # passing over reused, diverged and over-limit trials
        self._strategy = strategy
        self._is_fixed = isinstance(strategy, FixedStrategy)
        self._window = window(max(settings.in_flight, together + strategy.batch - 1), strategy.batch)
        self._evaluations = EvaluationCache(settings.seed, reuse=settings.reuse, standing_for=standing_for)
        self._next = 0  # the next trial to ask for
        self._told = 0  # the strategy knows trials 0 … told - 1
        self._settled = 0  # trials 0 … settled - 1 all have an outcome
        self._untold: dict[int, Trial] = {}  # with an outcome, not yet told to the strategy

    def take_over(self, earlier: Iterable[tuple[Genotype, Outcome]]) -> None:
        """Tell the strategy, before anything is asked, what an earlier search measured. These are no trials of this one."""
        self._strategy.take_over([EarlierTrial(genotype, self._reward(outcome)) for genotype, outcome in earlier])

    @property
    def next(self) -> int:
        """The number of the next trial to ask for."""
        return self._next

    def may_ask(self) -> bool:
        """Return whether the next trial can be proposed now: one is wanted, and all trials it depends on have ended."""
        ready = len(self.open) < self._window if self._is_fixed else self._horizon() < self._settled
        return ready and not self.asked_all

    @property
    def asked_all(self) -> bool:
        """Return whether no trial is asked any more: as many as are wanted are within the limits, or hardly any is."""
        return self.over_limit.is_enough(self._next, self.trials)

    @property
    def is_complete(self) -> bool:
        """Return whether all trials have ended."""
        return self.asked_all and not self.open

    def ask(self) -> Asked:
        """Return the next trial, after telling the strategy the outcomes that it is to know by then, and no others."""
        while self._told <= min(self._horizon(), self._settled - 1):
            trial = self._untold.pop(self._told)
            self._strategy.tell(self._told, trial.proposal, self._reward(trial.outcome))
            self._told += 1
        proposal = self._strategy.ask(self._next)
        epochs = self._first_epochs(proposal)
        return Asked(
            trial=self._next,
            stage=Stage.SEARCH,
            genotype=proposal.genotype,
            log_probability=proposal.log_probability,
            seed=self._evaluations.seed_of_next(proposal.genotype, epochs, replicate=proposal.replicate),
            epochs=epochs,
            replicate=proposal.replicate,
        )

    def completes_task(self) -> bool:
        """Return whether the trial asked for last is the last of its task."""
        return self._next % self.together == 0 or self.asked_all

    def enter(self, asked: Asked) -> None:
        """Open a trial that is on record in the journal."""
        self.open[asked.trial] = asked
        seeds = self._seeds(asked)
        self._evaluations.enter(asked)
        if self._climbs(asked):
            self.rungs.enter(asked.trial, seeds)
        self._next += 1

    def promote(self, record: Promoted) -> Asked:
        """Let an open trial go on to its next training, which is on record, and return what is asked for now."""
        asked = msgspec.structs.replace(self.open[record.trial], epochs=record.epochs, seed=record.seed)
        self.open[record.trial] = asked
        return asked

    def earlier(self, asked: Asked) -> Evaluation | None:
        """Return the evaluation whose outcome this trial takes, or None when it has its own."""
        return self._evaluations.earlier(asked)

    def settle(self, told: Told) -> tuple[Trial, tuple[Asked, ...]]:
        """End a trial with its outcome. Return the whole trial, and the trials that waited for that outcome."""
        asked = self.open.pop(told.trial)
        self.rungs.leave(told)
        trial = Trial(asked.task, asked.proposal, told.outcome, told.reused)
        self.finished += 1
        self.endings[told.outcome.ending] += 1
        if told.outcome.status is Status.OVER_LIMIT:
            self.over_limit.add(told.trial)
        self._untold[trial.number] = trial
        while (settled := self._untold.get(self._settled)) is not None:
            self._settled += 1
            self._count_failure(settled)
        if trial.reused is None:
            self.ranking.add(trial)
        return trial, self._evaluations.conclude(asked, told.outcome)

    def forgive(self) -> None:
        """Start counting failures anew after a study that failed, and let failed genotypes be evaluated again.

        Whoever resumes such a study has mended the cause.
        """
        self.too_many_failures = None
        self._failures_in_a_row = 0
        self._evaluations.forget(FAILURES, self.open.values())
        for asked in self.open.values():
            if self._climbs(asked) and not self.rungs.is_climbing(asked.trial):
                self.rungs.enter(asked.trial, self._seeds(asked))

    def _first_epochs(self, proposal: Proposal) -> int:
        """Return how long a proposal is trained at first: a replicate as long as what it is one of was trained in the end."""
        reached = self._evaluations.epochs_of(proposal.genotype) if proposal.replicate else self.rungs.epochs[0]
        return reached or self.rungs.epochs[-1]

    def _climbs(self, asked: Asked) -> bool:
        """Return whether a trial begins at the first of several rungs: one with an evaluation of its own that is no
        replicate."""
        return self.rungs.are_several and not asked.replicate and self._evaluations.earlier(asked) is None

    def _seeds(self, asked: Asked) -> tuple[int, ...]:
        """Return the seeds of a trial at several rungs, of one that is not entered yet."""
        return self._evaluations.seeds_of_next(asked.genotype, self.rungs.epochs) if self.rungs.are_several else ()

    def _horizon(self) -> int:
        """Return the last trial whose outcome the strategy knows when the next one is proposed."""
        batch = self._strategy.batch
        return (self._next // batch + 1) * batch - 1 - self._window

    def _count_failure(self, trial: Trial) -> None:
        if trial.reused is None and trial.outcome.status in FAILURES:
            self._failures_in_a_row += 1
        elif trial.reused is None and trial.outcome.status is Status.OK:
            self._failures_in_a_row = 0
        if self._failures_in_a_row >= self._max_failures and self.too_many_failures is None:
            self.too_many_failures = trial

    def _reward(self, outcome: Outcome) -> float | None:
        return None if outcome.measurement is None else self._reward_function.of(outcome.measurement)

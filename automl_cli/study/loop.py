"""Runs a study: the loop that joins a strategy, an executor and a journal. Read this file first, then `proposals.py`.

    ask       the strategy proposes the genotype of trial t
    journal   what was asked is written down before its child starts
    submit    the executor has the child trained and scored somewhere, while others are
    journal   how it ended is written down on arrival, before anybody learns of it
    tell      the strategy learns the reward

**What decides the proposals.** At most `in_flight` = W trials are between ask and tell, W a multiple of the strategy's batch b.
The proposals of a batch are drawn when the strategy has been told trials 0 … l - W, and no later one, where l is the last
trial of the batch (with b = 1: proposal t is drawn after trials 0 … t - W). It is told in the order of the trials, whenever
their outcomes arrived. So the proposals are a function of seed and outcomes, not of workers, speed or luck. A strategy that
learns nothing waits for no trial: at most W are open.

**Resume is replay.** The strategy changes only when it is told. Asking a fresh one for every trial of the journal, and telling
it every recorded outcome at the same places, leads to the same state; what was asked and not told is submitted again. A study
that is killed at any moment, any number of times, names the same winner.

**A genotype is evaluated once** at a fidelity: a later trial of it takes the outcome, or waits for it, and is marked `reused`.
Only after a study that failed is a failure of the machine not taken any more, since whoever resumes that one has mended it.

**Children may be stopped early** (`rungs`): then a trial is one or several trainings, each longer than the one before, and what
becomes of it depends on it and on the trials before it. It is told once, when it has ended, as its last training scored it.

**A proposal over a limit** is on record and told, but is none of the `--trials`: the strategy is asked for another, which has
the next number (`limits.py` says how often).

**Several trials may make one task** (`together` = m): trials k m … k m + m - 1, as far as they have evaluations of their own,
go to one worker together. Which those are is a function of the proposals; a task that was cut off is done again as a whole.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal

from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import RunFailed
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import Executor, Strategy
from automl_cli.core.shell_commands import command_line
from automl_cli.core.trials import Costs, Outcome, Stage, Status, Task, Trial
from automl_cli.store.journal import Asked, Ended, Journal, Record, Started, Told
from automl_cli.store.rung_records import AtRung, Promoted
from automl_cli.store.study import StudySettings
from automl_cli.study.evaluation_cache import Representative, itself
from automl_cli.study.grouping import TaskGroups
from automl_cli.study.incumbent import Retrained, Winner
from automl_cli.study.limits import LimitCheck
from automl_cli.study.proposals import ProposalQueue
from automl_cli.study.publisher import Publisher
from automl_cli.study.replay import replay, told_first
from automl_cli.study.retraining import FinalTrainings


class SearchProgress(Struct, frozen=True):
    """The state of a search. `last` is the trial that just ended; None when a stage begins. `endings` counts trials by how they
    ended, those of earlier sessions included. Of `planned` trials so many are `finished`: those over a limit are no part of
    either."""

    stage: Stage
    planned: int
    finished: int
    running: int
    best: Trial | None
    last: Trial | None
    endings: dict[str, int] = {}


class Study:
    """One study, to be run once: construct it and call `run`.

    `publish` is given every new best (at most one a second) and the winner, when the journal is durable up to there. `joins` of
    the best trials make it up; 0: the best alone. `price` gives the costs that the limits are about.
    """

    def __init__(
        self,
        settings: StudySettings,
        *,
        strategy: Strategy,
        executor: Executor,
        journal: Journal,
        publish: Callable[[Winner], object],
        price: Callable[[Genotype], Costs | None] = lambda genotype: None,
        together: int = 1,
        joins: int = 0,
        standing_for: Representative = itself,
        on_progress: Callable[[SearchProgress], None] = lambda progress: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._search = ProposalQueue(settings, strategy, together=together, joins=joins, standing_for=standing_for)
        self._groups = TaskGroups(self._search, executor)
        self._executor = executor
        self._journal = journal
        self._publisher = Publisher(settings, journal, publish, joins=joins, clock=clock)
        self._limits = LimitCheck(settings.limits, price)
        self._on_progress = on_progress
        self._clock = clock
        self._started_at = clock()
        self._earlier_seconds = 0.0
        self._after = FinalTrainings(settings, executor, journal, standing_for=standing_for, elapsed=self._elapsed)

    def run(self, records: Iterable[Record] = ()) -> Winner:
        """Continue where the records of the journal end, run the study to its end, and return the winner.

        Raises RunFailed when no trial succeeded or too many failed in a row, UserError when the records are not of this study.
        However it ends, no child is being evaluated any more, and the journal is whole and durable.
        """
        reason: Literal["finished", "interrupted", "time-budget", "failed"] = "failed"
        self._replay(records)
        self._started_at = self._clock()
        self._journal.append(Started(at=time.time(), executor=self._settings.executor, workers=self._settings.workers))
        try:
            complete = self._run_trials() and self._train_again()
            winner = self._name_winner(complete=complete)
            complete = complete and self._train(self._after.beside(winner.trial), Stage.BASELINE)
            reason = "finished" if complete else "time-budget"
            return winner
        except KeyboardInterrupt:
            reason = "interrupted"
            raise
        finally:
            if reason != "finished":
                self._executor.close()  # at once, before anything else: no child goes on
            with suppress(RunFailed):  # a full disk has been reported already
                self._publisher.best(self._search.ranking.best(), self._retrained(), at_once=True)
                self._journal.append(Ended(reason=reason, elapsed=self._elapsed()))
                self._journal.sync()

    def _run_trials(self) -> bool:
        """Run every trial to its outcome. Return False when the time budget ends before."""
        search, groups = self._search, self._groups
        self._report(Stage.SEARCH)
        for asked in list(search.open.values()):
            if not search.rungs.is_measured(asked.trial):
                self._submit(asked)
        groups.hand_over_cut_off()
        self._decide()
        while not search.is_complete or groups.done_again:
            while search.may_ask():
                asked = search.ask()
                self._journal.append(asked)
                search.enter(asked)
                self._submit(asked)
                if search.completes_task():
                    groups.hand_over()
            if not search.is_complete or groups.done_again:
                if (ended := self._wait()) is None:
                    return False
                if (asked_before := search.open.get(ended[0].trial)) is not None:
                    self._take(asked_before, ended[1])
                else:
                    groups.done_again.remove(ended[0].trial)
        return True

    def _submit(self, asked: Asked) -> None:
        """Have the child evaluated, unless its outcome is known, on its way, or settled by a limit."""
        earlier = self._search.earlier(asked)
        if earlier is not None and earlier.outcome is not None:
            self._conclude(asked, earlier.outcome, reused=earlier.trial)
        elif earlier is not None:
            earlier.waiting += (asked,)
        elif excess := self._limits.excess(asked.genotype):
            self._conclude(asked, Outcome(Status.OVER_LIMIT, message=excess))
        else:
            self._groups.gather(asked.task)

    def _take(self, asked: Asked, outcome: Outcome) -> None:
        """Take the outcome of a training: the end of its trial, unless a longer one may follow."""
        rungs = self._search.rungs
        if rungs.may_go_on(asked.trial, outcome):
            record = AtRung(trial=asked.trial, epochs=asked.epochs, outcome=outcome, elapsed=self._elapsed())
            self._journal.append(record)
            rungs.measure(record)
        else:
            self._conclude(asked, rungs.in_all(asked.trial, outcome))
        self._decide()

    def _decide(self) -> None:
        """Train those longer that go on to the next rung, as far as that is certain, and end those that do not."""
        while (decided := self._search.rungs.decide()) is not None:
            number, what = decided
            if isinstance(what, Promoted):
                self._journal.append(what)
                self._groups.gather(self._search.promote(what).task)
                self._groups.hand_over()
            else:
                self._conclude(self._search.open[number], what)

    def _conclude(self, asked: Asked, outcome: Outcome, *, reused: int | None = None) -> None:
        told = Told(trial=asked.trial, stage=Stage.SEARCH, outcome=outcome, reused=reused, elapsed=self._elapsed())
        self._journal.append(told)
        trial, waiting = self._search.settle(told)
        self._publisher.best(self._search.ranking.best(), self._retrained())
        self._report(Stage.SEARCH, trial)
        if (last := self._search.too_many_failures) is not None:
            children = counted(self._settings.max_failures, "child/children")
            raise RunFailed(
                f"{children} in a row failed, which is --max-failures; trial {last.number}: "
                f"{last.outcome.status}: {last.outcome.message}. Mend that, then continue with --resume"
            )
        for later in waiting:
            self._submit(later)

    def _wait(self) -> tuple[Task, Outcome] | None:
        """Return the next outcome, or None when the time budget ends before it comes."""
        budget = self._settings.time_budget_seconds
        if budget is None:
            return self._executor.wait()
        left = budget - self._earlier_seconds - self._elapsed()
        return self._executor.wait(left) if left > 0 else None

    def _candidates(self) -> tuple[Trial, ...]:
        return self._search.ranking.best()[: self._settings.retrain_top]

    def _train_again(self) -> bool:
        """Train the best again, by which the winner is chosen. Return False when the time budget ends before."""
        return self._train(self._after.again(self._candidates()), Stage.RETRAIN)

    def _train(self, wanted: list[Asked], stage: Stage) -> bool:
        """Train what comes after the search, as far as it is not on record. Return False when the time budget ends before."""
        return self._after.run(wanted, self._wait, lambda done, planned: self._report(stage, of_stage=(done, planned)))

    def _why_none(self, *, out_of_time: bool) -> str:
        """Return why there is no winner, and the next step."""
        ended, report = self._search.finished, f"`{command_line('report', self._journal.path.parent)}` shows why"
        if not out_of_time and ended == self._search.over_limit.count:
            return self._limits.why_nothing_fits(ended)
        if not out_of_time:
            return f"no trial succeeded: {ended} ended, none with a score; {report}"
        budget = f"the time budget of {self._settings.time_budget_seconds:g} seconds is spent"
        how_far = f"{counted(ended, 'trial')} ended, none with a score; {report}" if ended else "no trial ended before"
        return f"{budget}, and {how_far}. Continue with --resume and a larger --time-budget"

    def _name_winner(self, *, complete: bool) -> Winner:
        """Publish and return the winner, by retraining where that was wanted and is complete."""
        ranked = self._search.ranking.best()
        if not ranked:
            raise RunFailed(self._why_none(out_of_time=not complete))
        return self._publisher.winner(ranked, self._retrained())

    def _retrained(self) -> Retrained | None:
        """Return the outcomes by which the winner is chosen among the best of a whole search; None while some are missing."""
        return self._after.outcomes(self._candidates()) if self._search.is_complete else None

    def _report(self, stage: Stage, last: Trial | None = None, *, of_stage: tuple[int, int] | None = None) -> None:
        search, best = self._search, next(iter(self._search.ranking.best()), None)
        finished, planned = of_stage or (search.finished - search.over_limit.count, search.trials)
        self._on_progress(SearchProgress(stage, planned, finished, len(search.open), best, last, dict(search.endings)))

    def _elapsed(self) -> float:
        return self._clock() - self._started_at

    def _replay(self, records: Iterable[Record]) -> None:
        """Bring the search to the state that the journal records."""
        place, search = str(self._journal.path), self._search
        records = told_first(records, search, self._settings.taken_over, place=place)
        self._earlier_seconds = replay(records, search, groups=self._groups, after=self._after, place=place)

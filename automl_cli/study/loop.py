"""Runs a study: the loop that joins a strategy, an executor and a journal. Read this file first, then `proposals.py`.

    ask       the strategy proposes the genotype of trial t
    journal   what was asked is written down before its child starts
    submit    the executor has the child trained and scored somewhere, while others are
    journal   how it ended is written down on arrival, before anybody learns of it
    tell      the strategy learns the reward

**What decides the proposals.** At most `in_flight` = W trials are between ask and tell, W a multiple of the strategy's batch b.
The proposals of a batch are drawn when the strategy has been told trials 0 … l - W, and no later one, where l is the last
trial of the batch (with b = 1: proposal t is drawn after trials 0 … t - W). It is told in the order of the trials, whenever
their outcomes arrived. So the proposals are a function of seed and outcomes, not of workers, speed or luck.

**Resume is replay.** The strategy changes only when it is told. Asking a fresh one for every trial of the journal, and telling
it every recorded outcome at the same places, leads to the same state; what was asked and not told is submitted again. A study
that is killed at any moment, any number of times, names the same winner.

**A genotype is evaluated once** at a fidelity: a later trial of it takes the outcome, or waits for it, and is marked `reused`.
Only after a study that failed is a failure of the machine not taken any more, since whoever resumes that one has mended it.

**Several trials may make one task** (`together` = m): trials k m … k m + m - 1, as far as they have evaluations of their own,
go to one worker together. Which those are is a function of the proposals; a task that was cut off is done again as a whole.
"""

import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal

from msgspec import Struct

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import ArtifactError, RunFailed, UserError
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import Executor, Strategy, canonical
from automl_cli.core.shell_commands import command_line
from automl_cli.core.trials import Costs, Limits, Outcome, Stage, Status, Task, Trial
from automl_cli.store.earlier_trials import check_head, split_head
from automl_cli.store.journal import Asked, Ended, Journal, Record, Started, Told
from automl_cli.store.study import StudySettings
from automl_cli.study.evaluation_cache import Representative, itself
from automl_cli.study.grouping import TaskGroups
from automl_cli.study.incumbent import Retrained, Winner, winner_of
from automl_cli.study.proposals import ProposalQueue
from automl_cli.study.retraining import FinalTrainings

PUBLISH_SECONDS = 1.0
"""A new best is published at most so often, and at the end."""


class SearchProgress(Struct, frozen=True):
    """The state of a search. `last` is the trial that just ended; None when a stage begins. `endings` counts trials by how they
    ended, those of earlier sessions included."""

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
        self._standing_for = standing_for
        self._groups = TaskGroups(self._search, executor)
        self._executor = executor
        self._journal = journal
        self._joins = joins
        self._publish = publish
        self._price = price
        self._on_progress = on_progress
        self._clock = clock
        self._started_at = clock()
        self._earlier_seconds = 0.0
        self._after = FinalTrainings(settings, executor, journal, standing_for=standing_for, elapsed=self._elapsed)
        self._published: tuple[Trial, ...] = ()
        self._published_at = -math.inf

    def run(self, records: Iterable[Record] = ()) -> Winner:
        """Continue where the records of the journal end, run the study to its end, and return the winner.

        Raises RunFailed when no trial succeeded or too many failed in a row, UserError when the records are not of this study.
        However it ends, no child is being evaluated any more, and the journal is whole and durable.
        """
        reason: Literal["finished", "interrupted", "time-budget", "failed"] = "failed"
        self._replay(self._told_first(records))
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
                self._publish_best(at_once=True)
                self._journal.append(Ended(reason=reason, elapsed=self._elapsed()))
                self._journal.sync()

    def _run_trials(self) -> bool:
        """Run every trial to its outcome. Return False when the time budget ends before."""
        search, groups = self._search, self._groups
        self._report(Stage.SEARCH)
        for asked in list(search.open.values()):
            self._submit(asked)
        groups.hand_over_cut_off()
        while search.finished < search.trials or groups.done_again:
            while search.may_ask():
                asked = search.ask()
                self._journal.append(asked)
                search.enter(asked)
                self._submit(asked)
                if search.completes_task():
                    groups.hand_over()
            if search.finished < search.trials or groups.done_again:
                if (ended := self._wait()) is None:
                    return False
                if (asked_before := search.open.get(ended[0].trial)) is not None:
                    self._conclude(asked_before, ended[1])
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
        elif excess := self._excess(asked.genotype):
            self._conclude(asked, Outcome(Status.OVER_LIMIT, message=excess))
        else:
            self._groups.gather(asked.task)

    def _conclude(self, asked: Asked, outcome: Outcome, *, reused: int | None = None) -> None:
        told = Told(trial=asked.trial, stage=Stage.SEARCH, outcome=outcome, reused=reused, elapsed=self._elapsed())
        self._journal.append(told)
        trial, waiting = self._search.settle(told)
        self._publish_best()
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

    def _excess(self, genotype: Genotype) -> str:
        """Return in words which limit the child is over, or nothing. Costs are computed only when there is a limit."""
        limits = self._settings.limits
        costs = None if limits == Limits() else self._price(genotype)
        return "" if costs is None else limits.excess(costs)

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
        winner = winner_of(ranked, self._settings, joins=self._joins, retrained=self._retrained())
        self._journal.sync()
        self._publish(winner)
        self._published = ranked[: max(1, self._joins)]
        return winner

    def _retrained(self) -> Retrained | None:
        """Return the outcomes by which the winner is chosen among the best of a whole search; None while some are missing."""
        whole = self._search.finished >= self._search.trials
        return self._after.outcomes(self._candidates()) if whole else None

    def _publish_best(self, *, at_once: bool = False) -> None:
        """Publish the best so far, if it is new and the last publication is not too recent."""
        best = self._search.ranking.best()[: max(1, self._joins)]
        if not best or best == self._published or (self._clock() - self._published_at < PUBLISH_SECONDS and not at_once):
            return
        self._journal.sync()
        self._publish(winner_of(self._search.ranking.best(), self._settings, joins=self._joins, retrained=self._retrained()))
        self._published, self._published_at = best, self._clock()

    def _report(self, stage: Stage, last: Trial | None = None, *, of_stage: tuple[int, int] | None = None) -> None:
        search, best = self._search, next(iter(self._search.ranking.best()), None)
        finished, planned = of_stage or (search.finished, search.trials)
        self._on_progress(SearchProgress(stage, planned, finished, len(search.open), best, last, dict(search.endings)))

    def _elapsed(self) -> float:
        return self._clock() - self._started_at

    def _told_first(self, records: Iterable[Record]) -> Iterable[Record]:
        """Tell the strategy what was taken over from earlier runs, and return the other records."""
        head, rest = split_head(records)
        check_head(str(self._journal.path), head, self._settings.taken_over)
        if head:
            self._search.take_over((record.genotype, record.outcome) for record in head)
        return rest

    def _replay(self, records: Iterable[Record]) -> None:
        """Bring the search to the state that the journal records."""
        session_seconds = 0.0
        for record in records:
            match record:
                case Asked(stage=Stage.SEARCH):
                    self._replay_asked(record)
                case Asked():
                    self._after.replay(record)
                case Told(stage=Stage.SEARCH) if record.trial not in self._search.open:
                    raise ArtifactError(f"{self._journal.path}: trial {record.trial} was told but not asked")
                case Told(stage=Stage.SEARCH):
                    trial, _ = self._search.settle(record)
                    self._groups.replay(trial)
                case Told():
                    self._after.replay(record)
                case Started():
                    self._earlier_seconds += session_seconds
                    session_seconds = 0.0
                case Ended(reason="failed"):
                    self._search.forgive()
            if isinstance(record, Told | Ended):
                session_seconds = record.elapsed
        self._earlier_seconds += session_seconds

    def _replay_asked(self, record: Asked) -> None:
        if record.trial >= self._search.trials:
            raise ArtifactError(
                f"{self._journal.path}: trial {record.trial} was asked, but study.json has "
                f"only {counted(self._search.trials, 'trial')}: changed by hand? Give --trials as many as there were, or more"
            )
        if record.trial != self._search.next or not self._search.may_ask():
            raise ArtifactError(f"{self._journal.path}: trial {record.trial} was asked out of order")
        asked = self._search.ask()
        if asked.epochs != record.epochs:
            trained, said = (counted(epochs, "epoch") for epochs in (record.epochs, asked.epochs))
            text = f"was trained for {trained}, and study.json, which was changed by hand, says {said}; put that back"
            raise ArtifactError(f"{self._journal.path}: trial {record.trial} {text}")
        if (asked.genotype, asked.seed) != (record.genotype, record.seed):
            was, now = canonical(record.genotype), canonical(asked.genotype)
            raise UserError(
                f"{self._journal.path}: trial {record.trial} was {was}, and now the strategy proposes {now}: study.json was "
                "changed by hand, or the code was. Resume with the versions that study.json names, or start a new run"
            )
        self._search.enter(record)

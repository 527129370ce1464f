"""Runs the study of one run directory and reports its end."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from automl_cli.core.errors import RunFailed
from automl_cli.core.numbers import counted
from automl_cli.running.accounts import say_what_was_read, warn_of_the_cache
from automl_cli.running.talk import Talk
from automl_cli.running.transferring import transfer_in_words

if TYPE_CHECKING:
    from automl_cli.core.protocols import Executor
    from automl_cli.core.spaces import SearchSpace
    from automl_cli.store.reports import MadeByHand, TransferSummary
    from automl_cli.store.run_directory import RunDirectory
    from automl_cli.store.study import StudySettings
    from automl_cli.study.incumbent import Winner

PREPARATION_SECONDS = 2.0
"""The least time between two lines while data are prepared."""


class Finished(NamedTuple):
    """A study that has ended, and its winner."""

    run: Path
    best: Path
    settings: "StudySettings"
    winner: "Winner"
    transfer: "TransferSummary | None" = None
    baseline: "MadeByHand | None" = None

    def document(self) -> dict[str, Any]:
        """Return the document that `--json` prints about it."""
        from automl_cli.store.files import file_digest
        from automl_cli.study.incumbent import score_of

        return {
            "run": str(self.run),
            "best": str(self.best),
            "digest": file_digest(self.best),
            "seed": self.settings.seed,
            "trials": self.settings.trials,
            "trial": self.winner.trial.number,
            "genotype": self.winner.trial.task.genotype,
            "validation_score": score_of(self.settings.reward, self.winner.trial),
            "retraining": self.winner.retraining,
            **({} if self.baseline is None else {"baseline": self.baseline}),
            **({"joined": [trial.number for trial in self.winner.joined]} if self.winner.joined else {}),
            **({} if self.transfer is None else {"transfer": self.transfer}),
        }

    def paths(self) -> list[str]:
        """Return the files to print on stdout: the winner and, where it was scaled, the network and its model."""
        scaled = [] if self.transfer is None else [self.transfer.network, self.transfer.model]
        return [str(self.best), *(path for path in scaled if path is not None)]


class FinishedSearch(NamedTuple):
    """A search that has ended: its directory and its study, or the studies of its repeats."""

    path: Path
    studies: tuple[Finished, ...]
    repeated: bool

    def document(self) -> dict[str, Any]:
        """Return the document that `--json` prints about it."""
        documents = [one.document() for one in self.studies]
        return {"runs": documents} if self.repeated else documents[0]


def prepare_data(settings: "StudySettings", talk: Talk) -> None:
    """Prepare what all workers share before the first trial, so that broken data are reported at once."""
    from automl_cli.store.timings_in_force import use_timings
    from automl_cli.study.session import evaluator_of, setup_of

    say_what_was_read(settings.child, talk)
    if settings.timings is not None:
        use_timings(settings.timings)
    said = time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= PREPARATION_SECONDS:
            said = time.monotonic()
            talk.say(f"preparing what all children share, for the first time: {done:,} of {total:,}")

    evaluator_of(settings).prepare(setup_of(settings), say)
    warn_of_the_cache(talk)


def ended_before(run: "RunDirectory", settings: "StudySettings", *, space: "SearchSpace", talk: Talk) -> Finished | None:
    """Return the study of a run directory that has ended with these settings in an earlier session, or None."""
    from automl_cli.study.ended import ended_winner

    if not run.best_file.is_file() or (winner := ended_winner(run.journal_file, settings, space)) is None:
        return None
    return _said(run, settings, winner, talk, before=f"{run.path} has ended already; ")


def run_one(
    run: "RunDirectory", settings: "StudySettings", *, space: "SearchSpace", executor: "Executor", talk: Talk
) -> Finished:
    """Run or continue a study to its end, and show its progress."""
    from automl_cli.jobs.transfer import transfer_of
    from automl_cli.running.event_files import event_file, search_curves
    from automl_cli.running.limit_warnings import watching_limits
    from automl_cli.running.search_display import showing
    from automl_cli.study.session import make_strategy, run_study

    talk.say(f"{run.path}: {_in_words(settings)}")
    if settings.transfer is not None:
        transferred = transfer_of(run.path, settings)
        state = "planned" if transferred is None else transferred.state
        talk.say(f"transfer: {transfer_in_words(settings.transfer, state)}")
    strategy = make_strategy(settings, space)
    with ExitStack() as stack:
        curves = [search_curves(settings.reward, stack.enter_context(event_file(run.path)))] if talk.events else []
        also = [*curves, watching_limits(settings, talk)]
        display = showing(talk, window=settings.in_flight, score=settings.reward.score, also=also)
        on_progress = stack.enter_context(display)
        try:
            winner = run_study(run, settings, space=space, strategy=strategy, executor=executor, on_progress=on_progress)
        except RunFailed:
            _warn_at_the_end(run, settings, talk)
            raise
    finished = _said(run, settings, winner, talk)
    _warn_at_the_end(run, settings, talk)
    return finished


def _said(run: "RunDirectory", settings: "StudySettings", winner: "Winner", talk: Talk, *, before: str = "") -> Finished:
    """Say which trial is the winner, and whether it beats what is made by hand, and return the study that has ended."""
    from automl_cli.reporting.made_by_hand import by_hand_in_words, by_hand_of
    from automl_cli.reporting.runs import read_history

    talk.say(f"{before}{_winner_in_words(settings, winner)}")
    by_hand = None if settings.baseline is None else by_hand_of(read_history(run.path), winner.trial)
    if by_hand is not None:
        talk.say(by_hand_in_words(by_hand))
    return Finished(run.path, run.best_file, settings, winner, baseline=by_hand)


def _warn_at_the_end(run: "RunDirectory", settings: "StudySettings", talk: Talk) -> None:
    """Warn of trials without a score for a reason that the evaluator gave, and of limits that hardly any proposal is within, in
    whatever session. The journal is read record by record, since it may be long."""
    from automl_cli.reporting.search_course import SearchCourse
    from automl_cli.reporting.summary import warnings_of
    from automl_cli.running.limit_warnings import limits_at_the_end
    from automl_cli.store.journal import read_records

    course = SearchCourse(None)
    for record in read_records(run.journal_file):
        course.take(record)
    for warning in warnings_of(course.reasons(), course.told):
        talk.warn(warning)
    if warning := limits_at_the_end(settings, course):
        talk.warn(warning)


def _in_words(settings: "StudySettings") -> str:
    on = f" on {settings.source}" if settings.source else ""
    told = sum(run.trials for run in settings.taken_over)
    told_first = f", told {counted(told, 'earlier trial')} first" if told else ""
    epochs = f" of {counted(settings.epochs, 'epoch')}" if settings.child else ""
    epochs += "" if settings.early_stop is None else f" ({settings.early_stop.words})"
    chosen = f" (auto: {settings.strategy_rule})" if settings.strategy_rule else ""
    what = f"{settings.strategy} search{chosen} of space {settings.space.name}{on}"
    trials = f"{counted(settings.trials, 'trial')}{epochs}"
    return f"{what}, {trials}, seed {settings.seed}, {settings.workers} at a time{told_first}"


def _winner_in_words(settings: "StudySettings", winner: "Winner") -> str:
    from automl_cli.store.study import joined_in_words
    from automl_cli.study.incumbent import score_of

    text = f"best: trial {winner.trial.number}, validation score {score_of(settings.reward, winner.trial):.4f}"
    if settings.replication is not None:
        text += f", the mean of {counted(1 + len(winner.trial.replicates), 'seed')}"
    if (again := winner.retraining) is not None:
        scores = {row.trial: row.retrained_score for row in again.candidates}
        score, rank = scores[winner.trial.number], again.rank_correlation
        seeds = f" on {counted(settings.retrain_seeds, 'seed')}" if settings.retrain_seeds > 1 else ""
        text += f"; retrained for {counted(again.epochs, 'epoch')}{seeds} " + ("it failed" if score is None else f"{score:.4f}")
        text += "" if rank is None else f" (rank correlation of {counted(len(scores), 'candidate')} {rank:.2f})"
    if winner.joined:
        text += f"\nbest.json {joined_in_words([trial.number for trial in winner.joined])}"
    return text

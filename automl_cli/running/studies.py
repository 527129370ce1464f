"""Runs the study of one run directory and reports its end."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from automl_cli.core.errors import RunFailed
from automl_cli.core.numbers import counted
from automl_cli.running.accounts import say_what_was_read
from automl_cli.running.talk import Talk
from automl_cli.running.transferring import transfer_in_words

if TYPE_CHECKING:
    from automl_cli.core.protocols import Executor
    from automl_cli.core.spaces import SearchSpace
    from automl_cli.store.reports import TransferSummary
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
    from automl_cli.study.session import evaluator_of, setup_of

    say_what_was_read(settings.child, talk)
    said = time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= PREPARATION_SECONDS:
            said = time.monotonic()
            talk.say(f"preparing what all children share, for the first time: {done:,} of {total:,}")

    evaluator_of(settings).prepare(setup_of(settings), say)


def ended_before(run: "RunDirectory", settings: "StudySettings", *, space: "SearchSpace", talk: Talk) -> Finished | None:
    """Return the study of a run directory that has ended with these settings in an earlier session, or None."""
    from automl_cli.study.ended import ended_winner

    if not run.best_file.is_file() or (winner := ended_winner(run.journal_file, settings, space)) is None:
        return None
    talk.say(f"{run.path} has ended already; {_winner_in_words(settings, winner)}")
    return Finished(run.path, run.best_file, settings, winner)


def run_one(
    run: "RunDirectory", settings: "StudySettings", *, space: "SearchSpace", executor: "Executor", talk: Talk
) -> Finished:
    """Run or continue a study to its end, and show its progress."""
    from automl_cli.jobs.transfer import transfer_of
    from automl_cli.running.event_files import event_file, search_curves
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
        display = showing(talk, window=settings.in_flight, score=settings.reward.score, also=curves)
        on_progress = stack.enter_context(display)
        try:
            winner = run_study(run, settings, space=space, strategy=strategy, executor=executor, on_progress=on_progress)
        except RunFailed:
            _warn_of_reasons(run, talk)
            raise
    talk.say(_winner_in_words(settings, winner))
    _warn_of_reasons(run, talk)
    return Finished(run.path, run.best_file, settings, winner)


def _warn_of_reasons(run: "RunDirectory", talk: Talk) -> None:
    """Warn of trials without a score for a reason that the evaluator gave, in whatever session."""
    from automl_cli.core.trials import Stage
    from automl_cli.reporting.summary import reasons_of, warnings_of
    from automl_cli.store.journal import read_trials

    trials = [trial for trial in read_trials(run.journal_file) if trial.task.stage is Stage.SEARCH]
    trials.sort(key=lambda trial: trial.number)
    for warning in warnings_of(reasons_of(trials), len(trials)):
        talk.warn(warning)


def _in_words(settings: "StudySettings") -> str:
    on = f" on {settings.source}" if settings.source else ""
    told = sum(run.trials for run in settings.taken_over)
    told_first = f", told {counted(told, 'earlier trial')} first" if told else ""
    epochs = f" of {counted(settings.epochs, 'epoch')}" if settings.child else ""
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
        text += f"; retrained for {counted(again.epochs, 'epoch')} " + ("it failed" if score is None else f"{score:.4f}")
        text += "" if rank is None else f" (rank correlation of {counted(len(scores), 'candidate')} {rank:.2f})"
    if winner.joined:
        text += f"\nbest.json {joined_in_words([trial.number for trial in winner.joined])}"
    return text

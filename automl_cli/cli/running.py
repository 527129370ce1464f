"""Runs the study of one run directory and reports its end."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from automl_cli.cli.accounts import say_what_was_read
from automl_cli.cli.console import talk_console
from automl_cli.cli.errors import say
from automl_cli.cli.transferring import transfer_in_words
from automl_cli.core.errors import RunFailed
from automl_cli.core.numbers import counted

if TYPE_CHECKING:
    from automl_cli.cli.search_display import Display
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
            "validation_score": score_of(self.settings.reward, self.winner.trial.outcome),
            "retraining": self.winner.retraining,
            **({"joined": [trial.number for trial in self.winner.joined]} if self.winner.joined else {}),
            **({} if self.transfer is None else {"transfer": self.transfer}),
        }

    def paths(self) -> list[str]:
        """Return the files to print on stdout: the winner and, where it was scaled, the network and its model."""
        scaled = [] if self.transfer is None else [self.transfer.network, self.transfer.model]
        return [str(self.best), *(path for path in scaled if path is not None)]


def prepare_data(settings: "StudySettings", *, quiet: bool) -> None:
    """Prepare what all workers share before the first trial, so that broken data are reported at once."""
    from automl_cli.study.session import evaluator_of, setup_of

    if not quiet:
        say_what_was_read(settings.child)
    talk, said = talk_console(), time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal said
        if not quiet and time.monotonic() - said >= PREPARATION_SECONDS:
            said = time.monotonic()
            talk.print(f"preparing what all children share, for the first time: {done:,} of {total:,}", soft_wrap=True)

    evaluator_of(settings).prepare(setup_of(settings), say)


def run_one(
    run: "RunDirectory", settings: "StudySettings", *, space: "SearchSpace", executor: "Executor", display: "Display"
) -> Finished:
    """Run or continue a study to its end, and show its progress."""
    from automl_cli.cli.search_display import showing
    from automl_cli.jobs.transfer import transfer_of
    from automl_cli.study.session import make_strategy, run_study

    talk = talk_console()
    if not display.quiet:
        talk.print(f"{run.path}: {_in_words(settings)}", soft_wrap=True)
        if settings.transfer is not None:
            transferred = transfer_of(run.path, settings)
            state = "planned" if transferred is None else transferred.state
            talk.print(f"transfer: {transfer_in_words(settings.transfer, state)}", soft_wrap=True)
    strategy = make_strategy(settings, space)
    with showing(talk, window=settings.in_flight, score=settings.reward.score, how=display) as on_progress:
        try:
            winner = run_study(run, settings, space=space, strategy=strategy, executor=executor, on_progress=on_progress)
        except RunFailed:
            _warn_of_reasons(run)
            raise
    if not display.quiet:
        talk.print(_winner_in_words(settings, winner), soft_wrap=True)
    _warn_of_reasons(run)
    return Finished(run.path, run.best_file, settings, winner)


def _warn_of_reasons(run: "RunDirectory") -> None:
    """Warn on stderr of trials without a score for a reason that the evaluator gave, in whatever session."""
    from automl_cli.core.trials import Stage
    from automl_cli.report.summary import reasons_of, warnings_of
    from automl_cli.store.journal import read_trials

    trials = [trial for trial in read_trials(run.journal_file) if trial.task.stage is Stage.SEARCH]
    trials.sort(key=lambda trial: trial.number)
    for warning in warnings_of(reasons_of(trials), len(trials)):
        say(warning, label="warning")


def _in_words(settings: "StudySettings") -> str:
    on = f" on {settings.source}" if settings.source else ""
    told = sum(run.trials for run in settings.taken_over)
    told_first = f", told {counted(told, 'earlier trial')} first" if told else ""
    epochs = f" of {counted(settings.epochs, 'epoch')}" if settings.child else ""
    return (
        f"{settings.strategy} search of space {settings.space.name}{on}, {counted(settings.trials, 'trial')}{epochs}, seed "
        f"{settings.seed}, {settings.workers} at a time{told_first}"
    )


def _winner_in_words(settings: "StudySettings", winner: "Winner") -> str:
    from automl_cli.store.study import joined_in_words
    from automl_cli.study.incumbent import score_of

    text = f"best: trial {winner.trial.number}, validation score {score_of(settings.reward, winner.trial.outcome):.4f}"
    if (again := winner.retraining) is not None:
        scores = {row.trial: row.retrained_score for row in again.candidates}
        score, rank = scores[winner.trial.number], again.rank_correlation
        text += f"; retrained for {counted(again.epochs, 'epoch')} " + ("it failed" if score is None else f"{score:.4f}")
        text += "" if rank is None else f" (rank correlation of {counted(len(scores), 'candidate')} {rank:.2f})"
    if winner.joined:
        text += f"\nbest.json {joined_in_words([trial.number for trial in winner.joined])}"
    return text

"""Names the commands that take a run further: go on, look, train the winner, scale it."""

from collections.abc import Iterator
from pathlib import Path

from automl_cli.core.shell_commands import command_line
from automl_cli.jobs.transfer import transfer_of
from automl_cli.planning.resume_commands import resume_search_command
from automl_cli.references import open_any
from automl_cli.reporting.runs import History
from automl_cli.reporting.trainings import TrainingHistory
from automl_cli.store.file_names import BEST_FILE, TRANSFER
from automl_cli.store.reports import RunSummary
from automl_cli.training.directory import resume_training_command
from automl_cli.training.trainable import train_command

Step = tuple[str, str]
"""What a command does, and the command."""


def steps_after(history: History, run: RunSummary) -> Iterator[Step]:
    """Yield the commands that a user may want to type after this run."""
    if not run.complete and not run.running:
        yield "go on", resume_search_command(history.settings, history.path)
    best = history.path / BEST_FILE
    if best.is_file():
        yield from _with_winner(best)
        yield from _with_scaled_winner(history)


def steps_after_training(history: TrainingHistory) -> Iterator[Step]:
    """Yield the commands that a user may want to type after this training."""
    if history.state not in ("running", "finished"):
        yield "go on", resume_training_command(history.path)
    if history.model is not None:
        data_dir = history.settings.child.problem.dataset.get("data_dir")
        where = () if data_dir is None else ("--data-dir", data_dir)
        yield "look", command_line("show", history.path)
        yield "score it again", command_line("evaluate", history.path, *where)
        yield "take it elsewhere", command_line("export", history.path)


def _with_winner(best: Path) -> Iterator[Step]:
    yield "look", command_line("show", best)
    if (command := train_command(open_any(str(best)).artifact.body, str(best))) is not None:
        yield "train it", command


def _with_scaled_winner(history: History) -> Iterator[Step]:
    settings, scaled = history.settings.transfer, transfer_of(history.path, history.settings)
    if settings is None or scaled is None:
        return
    if scaled.state == "trained":
        directory, data_dir = history.path / TRANSFER, settings.dataset.data_dir
        where = () if data_dir is None else ("--data-dir", data_dir)
        yield "score the scaled winner again", command_line("evaluate", directory, *where)
        yield "take it elsewhere", command_line("export", directory)
    elif scaled.command is not None and not history.running:
        yield "train the scaled winner", scaled.command
    elif not history.running:
        yield "scale the winner", command_line(history.settings.command, "--resume", "--out", history.path)

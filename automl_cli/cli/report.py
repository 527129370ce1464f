"""`automl report`: shows the result, the course and the cost of runs, and compares several."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl_cli.cli.options import Json
from automl_cli.core.errors import UserError
from automl_cli.core.shell_commands import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from automl_cli.report.runs import History
    from automl_cli.store.reports import Report, RunSummary

Runs = Annotated[
    list[Path] | None, typer.Argument(metavar="[RUN]...", help="Run directories; without any, the newest one under ./runs.")
]
Top = Annotated[int, typer.Option("--top", min=1, help="How many of the best trials to list.")]
Target = Annotated[
    float | None, typer.Option("--reach", help="Count trials to this score [default: the baseline's mean].", show_default=False)
]
Trials = Annotated[
    Path | None,
    typer.Option(
        "--trials",
        metavar="FILE",
        help="Write all trials to this file instead: .csv, .parquet, or .log, a journal that optuna-dashboard opens.",
        show_default=False,
    ),
]
Html = Annotated[bool, typer.Option("--html", help="Write one self-contained page; its path goes to stdout.")]


def report(
    runs: Runs = None, *, top: Top = 5, reach: Target = None, html: Html = False, trials: Trials = None, json: Json = False
) -> None:
    """Show what runs found, how it went, and what it cost.

    Works on a search that is still running. Several runs of the same task are compared after equally many trials: runs that
    differ in their seed only are repeats of one search, and random search is the baseline where it is among them. Of the
    directory of a comparison it prints the table.

    Examples:
        automl report
        automl report runs/first --top 10
        automl report runs/reinforce runs/random --html
        automl report runs/first --json
        automl report runs/first --trials first.csv
    """
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.cli.errors import say
    from automl_cli.core.bounds import Bounds
    from automl_cli.report.making import histories_of, made
    from automl_cli.report.trial_table import check_trials_file, write_trials
    from automl_cli.store.file_names import COMPARISON_FILE
    from automl_cli.store.run_directory import runs_in

    if trials is not None:
        check_trials_file(trials)
        if html or json:
            raise UserError(f"--trials writes the trials in place of a report; leave out {'--html' if html else '--json'}")
    if reach is not None and (allowed := Bounds().broken_by(reach)) is not None:
        raise UserError(f"--reach is {reach}; it must be {allowed}")
    if compared := [path for path in runs or [] if (path / COMPARISON_FILE).is_file() and not runs_in(path)]:
        _report_comparison(compared[0], alone=len(runs or []) == 1 and not html and trials is None, json=json)
        return
    histories = histories_of(runs or [])
    if trials is not None:
        write_line(str(write_trials(trials, histories)))
        return
    figures, reason = made(histories, top=top, target=reach)
    if reason is not None:
        say(f"{reason}, so the runs are shown one by one", label="not compared")
    if html:
        from automl_cli.report.page import write_page

        write_line(str(write_page(figures, histories)))
    elif json:
        write_json(figures)
    else:
        _print(figures, histories)


def _report_comparison(directory: Path, *, alone: bool, json: bool) -> None:
    """Print the table of a comparison, or its document. Raises UserError where it is not asked for alone."""
    from automl_cli.cli.console import data_console, write_json
    from automl_cli.report.compared import comparison_parts, recorded_result
    from automl_cli.report.terminal import laid_out

    if not alone:
        raise UserError(f"{directory} is a comparison: report it alone and without --html or --trials; its plot stands in it")
    result = recorded_result(directory)
    if json:
        write_json(result)
        return
    console = data_console()
    for part in comparison_parts(result):
        console.print(laid_out(part, console.width))
        console.print()


def _print(made: "Report", histories: "list[History]") -> None:
    from automl_cli.cli.console import data_console, talk_console
    from automl_cli.cli.errors import say
    from automl_cli.report.sections import BARS, PLAIN_BARS, comparison_blocks, run_blocks
    from automl_cli.report.summary import warnings_of
    from automl_cli.report.terminal import laid_out

    console = data_console()
    bars = PLAIN_BARS if console.options.ascii_only else BARS
    each = (block for run in made.runs for block in run_blocks(run, bars=bars))
    for block in comparison_blocks(made.comparison, made.runs) if made.comparison else each:
        console.print(laid_out(block, console.width))
        console.print()
    for run in made.runs:
        for warning in warnings_of(run.reasons, run.trials):
            say(f"{run.name}: {warning}", label="warning")
    for line in next_steps(histories, made.runs[0]):
        talk_console().print(line, style="dim", soft_wrap=True)


def next_steps(histories: "list[History]", first: "RunSummary") -> list[str]:
    """Return the commands that a user may want to type next."""
    from automl_cli.planning.resume_commands import resume_search_command
    from automl_cli.store.file_names import BEST_FILE

    history = histories[0]
    if len(histories) > 1:
        return ["plots on one page: the same command with --html"]
    unfinished = (first.trials < first.planned_trials or first.to_retrain) and not first.running
    steps = [f"go on: {resume_search_command(history.settings, history.path)}"] if unfinished else []
    best = history.path / BEST_FILE
    return [*steps, *_steps_with(best), *_steps_after(history)] if best.is_file() else steps


def _steps_with(best: Path) -> "Iterator[str]":
    """Yield the commands that use the winner."""
    from automl_cli.references import open_any
    from automl_cli.training.trainable import train_command

    yield f"look: {command_line('show', best)}"
    if (command := train_command(open_any(str(best)).artifact.body, str(best))) is not None:
        yield f"train it: {command}"


def _steps_after(history: "History") -> "Iterator[str]":
    """Yield the commands that use the scaled winner."""
    from automl_cli.jobs.transfer import transfer_of
    from automl_cli.store.file_names import TRANSFER

    settings, scaled = history.settings.transfer, transfer_of(history.path, history.settings)
    if settings is None or scaled is None:
        return
    if scaled.state == "trained":
        directory, data_dir = history.path / TRANSFER, settings.dataset.data_dir
        where = () if data_dir is None else ("--data-dir", data_dir)
        yield f"score the scaled winner again: {command_line('evaluate', directory, *where)}"
        yield f"take it elsewhere: {command_line('export', directory)}"
    elif scaled.command is not None and not history.running:
        yield f"train the scaled winner: {scaled.command}"
    elif not history.running:
        yield f"scale the winner: {command_line(history.settings.command, '--resume', '--out', history.path)}"

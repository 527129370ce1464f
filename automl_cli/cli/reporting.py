"""Shows what `automl report` was asked for: reports in the terminal, as JSON and as a page; lists of runs; comparisons."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from automl_cli.cli.console import data_console, talk_console, write_json, write_line
from automl_cli.cli.errors import say
from automl_cli.core.errors import UserError

if TYPE_CHECKING:
    from automl_cli.reporting.gathering import Gathered, Named
    from automl_cli.store.reports import Report
    from automl_cli.values.sheet import Part


class ReportFlags(NamedTuple):
    """The flags of `automl report` that say what is shown, and in which form."""

    top: int = 5
    reach: float | None = None
    html: bool = False
    out: Path | None = None
    trials: Path | None = None
    json: bool = False


def show(paths: Sequence[Path], flags: ReportFlags) -> None:
    """Show what these directories hold, or list the runs below them."""
    from automl_cli.reporting.gathering import gather, refuse_folders, sort_out

    named = sort_out(paths)
    if flags.trials is not None:
        _write_trials(named, flags.trials)
    elif named.folders:
        if flags.html:
            refuse_folders(named, "--html")
        if flags.reach is not None:
            refuse_folders(named, "--reach", f"{flags.reach:g}")
        _show_list(paths, json=flags.json)
    elif named.comparisons and not flags.html:
        _show_comparison(named.comparisons[0], alone=len(paths) == 1, json=flags.json)
    else:
        page = _page_file(paths, flags.out) if flags.html else None
        gathered = gather(named, top=flags.top, target=flags.reach)
        if gathered.obstacle is not None:
            say(f"{gathered.obstacle}, so the runs are shown one by one", label="not compared")
        if page is not None:
            _write_page(named, gathered, page, json=flags.json)
        if flags.json:
            write_json(gathered.report)
        elif page is None:
            _print(gathered)


def _write_trials(named: "Named", file: Path) -> None:
    """Write the trials of the searches among these directories. Raises UserError where there are none."""
    from automl_cli.reporting.gathering import refuse_folders
    from automl_cli.reporting.runs import read_history
    from automl_cli.reporting.trial_table import write_trials

    refuse_folders(named, "--trials", str(file))
    if not named.searches:
        raise UserError(f"--trials {file}: no search is named, and trainings and comparisons have no trials")
    write_line(str(write_trials(file, [read_history(path) for path in named.searches])))


def print_parts(parts: "Iterable[Part]") -> None:
    """Print parts on stdout, with a blank line behind each."""
    from automl_cli.reporting.terminal import laid_out

    console = data_console()
    for part in parts:
        console.print(laid_out(part, console.width))
        console.print()


def _show_list(directories: Sequence[Path], *, json: bool) -> None:
    from automl_cli.reporting.leaderboard import listing_parts
    from automl_cli.reporting.listing import list_runs

    listing = list_runs(directories)
    if json:
        write_json(listing)
    else:
        print_parts(listing_parts(listing))


def _show_comparison(directory: Path, *, alone: bool, json: bool) -> None:
    """Print the table of a comparison, or its document. Raises UserError where it is not asked for alone."""
    from automl_cli.reporting.compared import comparison_parts, recorded_result

    if not alone:
        raise UserError(f"{directory} is a comparison: report it alone, or with others on one page by --html")
    result = recorded_result(directory)
    if json:
        write_json(result)
    else:
        print_parts(comparison_parts(result))


def _page_file(paths: Sequence[Path], out: Path | None) -> Path:
    from automl_cli.reporting.page import place_of_page

    return place_of_page(paths, out)


def _write_page(named: "Named", gathered: "Gathered", page: Path, *, json: bool) -> None:
    """Write the page. Its path goes to stdout, or to stderr where stdout has the document of --json."""
    from automl_cli.reporting.gathering import page_about
    from automl_cli.reporting.page import write_page
    from automl_cli.system.process import set_up_this_process

    set_up_this_process()  # what a policy learned is read by JAX
    write_page(page_about(named, gathered), page)
    if json:
        say(str(page), label="page")
    else:
        write_line(str(page))


def _print(gathered: "Gathered") -> None:
    from automl_cli.reporting.summary import warnings_of
    from automl_cli.reporting.terminal import on_one_line

    print_parts(_parts(gathered.report))
    for run in gathered.report.runs:
        for warning in warnings_of(run.reasons, run.trials):
            say(f"{on_one_line(run.name)}: {warning}", label="warning")
    for line in next_steps(gathered):
        talk_console().print(line, style="dim", soft_wrap=True)


def _parts(made: "Report") -> "Iterator[Part]":
    from automl_cli.reporting.sections import BARS, PLAIN_BARS, comparison_blocks, run_blocks
    from automl_cli.reporting.training_sections import training_blocks

    bars = PLAIN_BARS if data_console().options.ascii_only else BARS
    if made.comparison:
        yield from comparison_blocks(made.comparison, made.runs)
    else:
        for run in made.runs:
            yield from run_blocks(run, bars=bars)
    for training in made.trainings:
        yield from training_blocks(training)


def next_steps(gathered: "Gathered") -> list[str]:
    """Return the commands that a user may want to type next."""
    from automl_cli.reporting.next_steps import steps_after, steps_after_training

    histories, trainings = gathered.histories, gathered.trainings
    if len(histories) > 1 or (not histories and len(trainings) > 1):
        return ["plots on one page: the same command with --html"]
    steps = steps_after(histories[0], gathered.report.runs[0]) if histories else steps_after_training(trainings[0])
    return [f"{what}: {command}" for what, command in steps]

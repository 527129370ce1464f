"""`automl report`: shows the result, the course and the cost of runs, and compares several."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl_cli.cli.options import Json
from automl_cli.core.errors import UserError

if TYPE_CHECKING:
    from automl_cli.report.runs import History
    from automl_cli.store.reports import Report, RunSummary

Runs = Annotated[
    list[Path] | None, typer.Argument(metavar="[RUN]...", help="Run directories; without any, the newest one under ./runs.")
]
Top = Annotated[int, typer.Option("--top", min=1, help="How many of the best trials to list.")]
Target = Annotated[
    float | None, typer.Option("--reach", help="Count trials to this score [default: the baseline's mean].", show_default=False)
]
Html = Annotated[bool, typer.Option("--html", help="Write one self-contained page; its path goes to stdout.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE|DIRECTORY",
        help="Where the page goes [default: report.html in the directory it is about; of several, in this one].",
        show_default=False,
    ),
]


def report(
    runs: Runs = None, *, top: Top = 5, reach: Target = None, html: Html = False, out: Out = None, json: Json = False
) -> None:
    """Show what runs found, how it went, and what it cost.

    Works on a search that is still running. Several runs of the same task are compared after equally many trials: runs that
    differ in their seed only are repeats of one search, and random search is the baseline where it is among them. Of the
    directory of a comparison it prints the table. With --html, whatever is named stands on one page.

    Examples:
        automl report
        automl report runs/first --top 10
        automl report runs/reinforce runs/random --html --out comparison.html
        automl report runs/first --json
    """
    from automl_cli.cli.console import write_json
    from automl_cli.core.bounds import Bounds
    from automl_cli.report.runs import newest_run, read_history
    from automl_cli.store.file_names import COMPARISON_FILE
    from automl_cli.store.run_directory import runs_in

    if reach is not None and (allowed := Bounds().broken_by(reach)) is not None:
        raise UserError(f"--reach is {reach}; it must be {allowed}")
    if out is not None and not html:
        raise UserError("--out says where the page goes, which --html writes; give --html as well, or leave --out out")
    named = runs or [newest_run()]
    compared = [path for path in named if (path / COMPARISON_FILE).is_file() and not runs_in(path)]
    if compared and not html:
        _report_comparison(compared[0], alone=len(named) == 1, json=json)
        return
    page = _page_file(named, out) if html else None
    paths = [path for given in named if given not in compared for path in runs_in(given) or [given]]
    histories = [read_history(path) for path in {path.resolve(): path for path in paths}.values()]
    made = _made(histories, top, reach)
    if page is not None:
        _write_page(made, histories, compared, page, json=json)
    if json:
        write_json(made)
    elif page is None:
        _print(made, histories)


def _page_file(named: list[Path], out: Path | None) -> Path:
    from automl_cli.report.page import place_of_page

    return place_of_page(named, out)


def _write_page(made: "Report", histories: "list[History]", compared: list[Path], page: Path, *, json: bool) -> None:
    """Write the page. Its path goes to stdout, or to stderr where stdout has the document of --json."""
    from automl_cli.cli.console import write_line
    from automl_cli.cli.errors import say
    from automl_cli.report.compared import recorded_result
    from automl_cli.report.page import compared_chapter, write_page
    from automl_cli.report.page import page as page_about

    write_page(page_about(made, histories, [compared_chapter(recorded_result(path)) for path in compared]), page)
    if json:
        say(str(page), label="page")
    else:
        write_line(str(page))


def _report_comparison(directory: Path, *, alone: bool, json: bool) -> None:
    """Print the table of a comparison, or its document. Raises UserError where it is not asked for alone."""
    from automl_cli.cli.console import data_console, write_json
    from automl_cli.report.compared import comparison_parts, recorded_result
    from automl_cli.report.terminal import laid_out

    if not alone:
        raise UserError(f"{directory} is a comparison: report it alone, or with others on one page by --html")
    result = recorded_result(directory)
    if json:
        write_json(result)
        return
    console = data_console()
    for part in comparison_parts(result):
        console.print(laid_out(part, console.width))
        console.print()


def _made(histories: "list[History]", top: int, target: float | None) -> "Report":
    from automl_cli.cli.errors import say
    from automl_cli.report.summary import summarise
    from automl_cli.store.reports import Report

    summaries = tuple(summarise(history, top=top) for history in histories)
    if len(histories) < 2:
        return Report(runs=summaries)
    from automl_cli.report.comparison import compare, obstacle

    if reason := obstacle(histories):
        say(f"{reason}, so the runs are shown one by one", label="not compared")
        return Report(runs=summaries)
    return Report(runs=summaries, comparison=compare(histories, target=target))


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
    from automl_cli.report.next_steps import steps_after

    if len(histories) > 1:
        return ["plots on one page: the same command with --html"]
    return [f"{what}: {command}" for what, command in steps_after(histories[0], first)]

"""`automl report`: shows the result, the course and the cost of runs, and compares several."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl_cli.cli.options import Json
from automl_cli.core.errors import UserError

if TYPE_CHECKING:
    from automl_cli.cli.reporting import ReportFlags

Runs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[RUN|TRAINING|DIRECTORY]...",
        help="Directories of searches, trainings or comparisons; without any, the newest one under ./runs. The runs below a "
        "directory that is none itself are listed.",
    ),
]
Top = Annotated[int, typer.Option("--top", min=1, help="How many of the best trials to list.")]
Target = Annotated[
    float | None,
    typer.Option("--reach", help="Count trials to this score [default: of several, the baseline's mean].", show_default=False),
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
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE|DIRECTORY",
        help="Where the page goes [default: report.html in the directory it is about; of several, in this one].",
        show_default=False,
    ),
]


Watch = Annotated[bool, typer.Option("--watch", help="Follow what runs until it ends, then show it.")]
Serve = Annotated[bool, typer.Option("--serve", help="Show the page in a browser of this machine, anew as runs go on.")]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Where --serve listens; 0 takes a free one. [default: 8421]", show_default=False
    ),
]


def report(
    runs: Runs = None,
    *,
    top: Top = 5,
    reach: Target = None,
    watch: Watch = False,
    serve: Serve = False,
    port: Port = None,
    html: Html = False,
    out: Out = None,
    trials: Trials = None,
    json: Json = False,
) -> None:
    """Show what runs found, how it went, and what it cost.

    Works on what is still running. Several searches of one task are compared after equally many trials: those that differ in
    their seed only are repeats of one, and random search is the baseline where it is among them. The runs below a directory
    are listed, the best first on each data set. With --html, whatever is named stands on one page.

    Examples:
        automl report
        automl report runs
        automl report runs/first --watch
        automl report runs/first --serve
        automl report runs/reinforce runs/random --html --out comparison.html
        automl report runs/first --json
        automl report runs/first --trials first.csv
    """
    from automl_cli.cli.reporting import ReportFlags, show
    from automl_cli.cli.serving import serve_page
    from automl_cli.cli.watching import watch_runs
    from automl_cli.reporting.runs import newest_run

    flags = ReportFlags(top=top, reach=reach, html=html, out=out, trials=trials, json=json)
    _check(flags, watch=watch, serve=serve, port=port)
    named = runs or [newest_run()]
    if serve:
        serve_page(named, flags, port=DEFAULT_PORT if port is None else port)
        return
    if watch:
        watch_runs(named, quiet=json)
    show(named, flags)


DEFAULT_PORT = 8421


def _check(flags: "ReportFlags", *, watch: bool, serve: bool, port: int | None) -> None:
    """Raise UserError for flags that do not fit together."""
    from automl_cli.core.bounds import Bounds

    if flags.reach is not None and (allowed := Bounds().broken_by(flags.reach)) is not None:
        raise UserError(f"--reach is {flags.reach}; it must be {allowed}")
    if flags.out is not None and not flags.html:
        raise UserError("--out says where the page goes, which --html writes; give --html as well, or leave --out out")
    if flags.trials is not None:
        _check_trials(flags, watch=watch, serve=serve)
    if port is not None and not serve:
        raise UserError("--port is about --serve; give --serve as well, or leave --port out")
    given = {"--watch": watch, "--html": flags.html, "--json": flags.json}
    if serve and (other := next((flag for flag, said in given.items() if said), None)):
        raise UserError(f"--serve shows the page until it is interrupted, and {other} shows something else; give one of them")


def _check_trials(flags: "ReportFlags", *, watch: bool, serve: bool) -> None:
    """Raise UserError for a file of trials that cannot be written, and for what --trials takes the place of."""
    from automl_cli.reporting.trial_table import check_trials_file

    assert flags.trials is not None
    check_trials_file(flags.trials)
    given = {"--html": flags.html, "--json": flags.json, "--watch": watch, "--serve": serve}
    if (other := next((flag for flag, said in given.items() if said), None)) is not None:
        raise UserError(f"--trials writes the trials in place of a report; leave out {other}")

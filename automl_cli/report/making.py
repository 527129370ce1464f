"""Makes the report on runs, as figures: what `automl report` prints and `automl_cli.report` returns."""

from collections.abc import Sequence
from pathlib import Path

from automl_cli.report.runs import History, newest_run, read_history
from automl_cli.report.summary import summarise
from automl_cli.store.reports import Report
from automl_cli.store.run_directory import runs_in


def histories_of(named: Sequence[Path]) -> list[History]:
    """Return the runs in these directories, each once, and those of repeats one by one; without any the newest run."""
    paths = [path for one in named or [newest_run()] for path in runs_in(one) or [one]]
    return [read_history(path) for path in {path.resolve(): path for path in paths}.values()]


def made(histories: Sequence[History], *, top: int = 5, target: float | None = None) -> tuple[Report, str | None]:
    """Return the report, and why several runs are not compared; None where they are, or where there is one."""
    summaries = tuple(summarise(history, top=top) for history in histories)
    if len(histories) < 2:
        return Report(runs=summaries), None
    from automl_cli.report.comparison import compare, obstacle

    if reason := obstacle(histories):
        return Report(runs=summaries), reason
    return Report(runs=summaries, comparison=compare(histories, target=target)), None

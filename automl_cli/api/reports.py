"""Reports from Python: `automl_cli.report`."""

from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.api.result import SearchResult
from automl_cli.api.words import Place
from automl_cli.system.jax_settings import usual_jax

if TYPE_CHECKING:
    from automl_cli.store.reports import Report


@usual_jax()
def report(*runs: Place | SearchResult, top: int = 5, reach: float | None = None) -> "Report":
    """Return the figures of runs as `automl report --json` gives them; without any, of the newest run under ./runs.

    Trainings are taken as well. Several searches of the same task are compared after equally many trials; `comparison` is None
    where they cannot be. Raises UserError where there is no run.
    """
    from automl_cli.reporting.gathering import gather, sort_out
    from automl_cli.reporting.runs import newest_run

    paths = [run.path if isinstance(run, SearchResult) else Path(run) for run in runs]
    return gather(sort_out(paths or [newest_run()]), top=top, target=reach).report

"""Gathers the runs in named directories, and makes the report of all of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.shell_commands import command_line
from automl_cli.reporting.listing import runs_below
from automl_cli.reporting.runs import History, no_run, read_history
from automl_cli.reporting.summary import summarise
from automl_cli.reporting.trainings import TrainingHistory, is_training, read_training, summarise_training
from automl_cli.store.file_names import COMPARISON_FILE, STUDY_FILE, TRAINING_FILE, TRANSFER
from automl_cli.store.reports import Report
from automl_cli.store.run_groups import Comparison
from automl_cli.store.run_layout import runs_in


class Named(NamedTuple):
    """Directories that a user named, by what they hold: each of `searches` is one run, and `folders` are none but hold some."""

    searches: tuple[Path, ...] = ()
    trainings: tuple[Path, ...] = ()
    comparisons: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()


class Gathered(NamedTuple):
    """The report of some runs, what it was made of, and why searches among them are not compared, if they are not.

    Of `report.trainings` the last are those of scaled winners, which nobody named.
    """

    report: Report
    histories: tuple[History, ...]
    trainings: tuple[TrainingHistory, ...]
    obstacle: str | None


def sort_out(paths: Sequence[Path]) -> Named:
    """Return the directories by what they hold, each once. Raises ArtifactError for one that holds no run."""
    searches, trainings, comparisons, folders = [], [], [], []
    for path in {path.resolve(): path for path in paths}.values():
        if runs := runs_in(path):
            searches += runs
        elif is_training(path):
            trainings.append(path)
        elif (path / COMPARISON_FILE).is_file():
            comparisons.append(path)
        elif next(runs_below(path), None) is not None:
            folders.append(path)
        else:
            raise ArtifactError(_no_run(path))
    unique = {path.resolve(): path for path in searches}.values()
    return Named(tuple(unique), tuple(trainings), tuple(comparisons), tuple(folders))


def _no_run(path: Path) -> str:
    if not path.is_dir():
        return no_run(path)
    return f"{path} is no run directory: it holds neither {STUDY_FILE} nor {TRAINING_FILE}, and there is no run below it"


def gather(named: Named, *, top: int = 5, target: float | None = None) -> Gathered:
    """Read the searches and trainings among these directories, and return the report of them.

    `target` is the score to which trials are counted. Raises UserError where one is given and there is no search.
    """
    if target is not None and not named.searches:
        raise UserError("--reach counts the trials of a search to a score, and no search is named; leave it out")
    histories = tuple(read_history(path) for path in named.searches)
    obstacle = _obstacle(histories)
    compared = len(histories) > 1 and obstacle is None
    scaled = [] if compared else [path for history in histories for path in _scaled(history.path)]
    inside = {path.resolve() for path in scaled}
    trainings = (*(path for path in named.trainings if path.resolve() not in inside), *scaled)
    read = tuple(read_training(path) for path in trainings)
    report = Report(
        runs=tuple(summarise(history, top=top, target=target) for history in histories),
        comparison=_comparison(histories, target) if compared else None,
        trainings=tuple(map(summarise_training, read)),
    )
    return Gathered(report, histories, read, obstacle)


def _scaled(run: Path) -> Iterator[Path]:
    """Yield the training of the scaled winner of this run, if there is one."""
    if is_training(run / TRANSFER):
        yield run / TRANSFER


def _obstacle(histories: Sequence[History]) -> str | None:
    if len(histories) < 2:
        return None
    from automl_cli.reporting.comparison import obstacle  # SciPy, which the report of one run does not need

    return obstacle(histories)


def _comparison(histories: Sequence[History], target: float | None) -> Comparison:
    from automl_cli.reporting.comparison import compare

    return compare(histories, target=target)


def page_about(named: Named, gathered: Gathered) -> str:
    """Return the HTML of one page about everything that was named."""
    from automl_cli.reporting.compared import recorded_result
    from automl_cli.reporting.page import compared_chapter, page
    from automl_cli.reporting.training_view import training_chapter

    trainings = list(map(training_chapter, gathered.trainings, gathered.report.trainings))
    comparisons = [compared_chapter(recorded_result(path)) for path in named.comparisons]
    return page(gathered.report, gathered.histories, [*trainings, *comparisons])


def refuse_folders(named: Named, *flag: str) -> None:
    """Raise UserError where a directory that only holds runs is named, of which there is a list and nothing else.

    `flag` is what was asked for: a flag, and its value where it has one.
    """
    if named.folders:
        folder = named.folders[0]
        example = next(runs_below(folder))
        raise UserError(
            f"{folder} is no run and holds several, which are listed without {' '.join(flag)}; name runs, as in: "
            f"{command_line('report', example, *flag)}"
        )

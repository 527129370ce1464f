"""Gives back the run of a search: its winner, its trials, its figures. Everything is read from the run directory when asked."""

from collections.abc import Iterator
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from automl_cli.core.errors import UserError
from automl_cli.core.numbers import counted

if TYPE_CHECKING:
    from automl_cli.jobs.loading import Loaded
    from automl_cli.reporting.trial_table import TrialRow
    from automl_cli.store.reports import RunSummary
    from automl_cli.store.study import StudySettings

SHOWN_WORDS = 12
"""Words of the winner that a notebook shows."""


class SearchResult:
    """The run of a search, which may still be under way: `SearchResult("runs/first")` opens one by its directory.

    path     the run directory
    best     the winner, as `automl_cli.load` gives it: `result.best.build(…)`
    score    its validation score
    trials   all trials in order, then those trained again, as rows with decisions and metrics by name
    summary  the figures that `automl report` shows
    settings the settings of the search, as study.json records them
    repeats  the runs in it, where the search was repeated; then the others are asked of one of these
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        from automl_cli.store.run_layout import runs_in

        self.path = Path(path)
        if not runs_in(self.path):
            raise UserError(f"there is no run at {self.path}; give the directory of a search")

    @property
    def repeats(self) -> "tuple[SearchResult, ...]":
        """The runs of a repeated search, by seed; none for a single one."""
        from automl_cli.store.run_layout import repeats_of

        return tuple(SearchResult(path) for path in repeats_of(self.path))

    @property
    def best_file(self) -> Path:
        """The file of the winner. Raises UserError where there is none."""
        from automl_cli.store.file_names import BEST_FILE

        file = self._single() / BEST_FILE
        if not file.is_file():
            raise UserError(f"{self.path} has no winner yet: no trial has a score")
        return file

    @property
    def best(self) -> "Loaded":
        """The winner."""
        from automl_cli.jobs.loading import load

        return load(self.best_file)

    @property
    def score(self) -> float | None:
        """The validation score of the winner, or None before there is one."""
        return None if (best := self.summary.best) is None else best.score

    @property
    def settings(self) -> "StudySettings":
        """The settings of the search."""
        from automl_cli.store.run_directory import recorded_settings

        return recorded_settings(self._single())

    @property
    def summary(self) -> "RunSummary":
        """The figures of the run."""
        from automl_cli.reporting.runs import read_history
        from automl_cli.reporting.summary import summarise

        return summarise(read_history(self._single()))

    @property
    def trials(self) -> "tuple[TrialRow, ...]":
        """All trials in order, then those that were trained again."""
        from automl_cli.reporting.runs import read_history
        from automl_cli.reporting.trial_table import trial_rows

        return tuple(trial_rows(read_history(self._single())))

    def __repr__(self) -> str:
        return f"SearchResult({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """Return the run as a notebook shows it."""
        if repeats := self.repeats:
            return "".join(one._repr_html_() for one in repeats)
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(words)}</td></tr>" for name, words in self._rows())
        return f"<table><caption>{escape(str(self.path))}</caption><tbody>{rows}</tbody></table>"

    def _rows(self) -> Iterator[tuple[str, str]]:
        """Yield what is shown of the run, each a name and words."""
        summary = self.summary
        on = f" on {summary.dataset}" if summary.dataset else ""
        yield "search", f"{summary.command}{on}, space {summary.space}, {summary.strategy}, seed {summary.seed}"
        endings = ", ".join(f"{count:,} {ending}" for ending, count in summary.statuses.items())
        yield "trials", f"{summary.trials:,} of {summary.planned_trials:,}" + (f": {endings}" if endings else "")
        if (best := summary.best) is None:
            return
        yield "best", f"score {best.score:.4f} in trial {best.trial}"
        if "parameters" in best.metrics:
            yield "size", counted(int(best.metrics["parameters"]), "parameter")
        words = self.best.words
        more = f" … ({len(words):,} in all)" if len(words) > SHOWN_WORDS else ""
        yield "winner", " | ".join(words[:SHOWN_WORDS]) + more

    def _single(self) -> Path:
        if self.repeats:
            raise UserError(f"{self.path} holds several searches; ask one of its repeats: result.repeats[0]")
        return self.path

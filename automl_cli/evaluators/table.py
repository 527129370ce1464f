"""Look a genotype up in a tabular benchmark instead of training it.

A table may hold the scores of several trainings of each row (`--reward-columns`): a trial's score is then one of them, drawn by
the seed of its child, so that a genotype that is measured again has another score. `--noise` adds a Gaussian drawn by the same
seed. Either way the metric `true_score` is the mean of the columns without noise, which the search does not see.
"""

import math
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import DataError, UserError
from automl_cli.core.flags import Flag
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import EvaluationRequest, EvaluatorSetup, NoResult, Report, SecondsEstimate
from automl_cli.core.random_streams import stream
from automl_cli.core.settings import NoOptions
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Measurement, Task
from automl_cli.plugins.discovery import open_space

ENCODING_COLUMN = "ops"
"""The default of `--encoding-column`."""

MOST_NOISE = 1e6
"""The most noise: far beyond it no score is told from another."""

TRUE_SCORE = "true_score"
"""The metric that noisy scores are judged by."""


def _absolute(file: str) -> str:
    return str(Path(file).absolute())


def _names(flag: str, text: str) -> list[str]:
    """Return the names of columns separated by commas.

    >>> _names("cost-columns", "b, c")
    ['b', 'c']
    """
    names = [part.strip() for part in text.split(",")]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"--{flag} names {twice[0]!r} twice; name each column once")
    return names


def _flag(name: str, *, setting: str, metavar: str, text: str, **more: Any) -> Flag:
    return Flag(
        name=name,
        panel="Children from a table",
        metavar=metavar,
        help=text,
        recorded=f"evaluator.settings.{setting}",
        of_evaluator="table",
        **{"type": str, **more},
    )


FLAGS: tuple[Flag, ...] = (
    _flag("table", setting="file", metavar="FILE", text="A .csv or .npz with a row for every genotype.", as_recorded=_absolute),
    _flag(
        "encoding-column",
        setting="encoding_column",
        metavar="NAME",
        text="The column of genotypes: their indices. [default: ops]",
    ),
    _flag("reward-column", setting="reward_column", metavar="NAME", text="The score that the search sees."),
    _flag(
        "reward-columns",
        setting="reward_columns",
        metavar="A,B",
        text="Scores of several trainings of each row: a trial sees one of them, drawn by its seed.",
        as_recorded=partial(_names, "reward-columns"),
        as_said=",".join,
    ),
    _flag(
        "noise",
        setting="noise",
        metavar="X",
        text="Standard deviation of a Gaussian added to every score, drawn by the trial's seed.",
        type=float,
        at_least=0,
        at_most=MOST_NOISE,
    ),
    _flag(
        "report-columns",
        setting="report_columns",
        metavar="A,B",
        text="Figures that only the report shows, such as a test score.",
        as_recorded=partial(_names, "report-columns"),
        as_said=",".join,
    ),
    _flag(
        "cost-columns",
        setting="cost_columns",
        metavar="A,B",
        text="Costs of a child, such as its parameters.",
        as_recorded=partial(_names, "cost-columns"),
        as_said=",".join,
    ),
)


class TableSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """File and columns of a table. Report and cost columns go into the metrics of the measurement. Either `reward_column` or
    `reward_columns` is there.

    `digest` is that of the file when the search was planned; a table with another one is refused.
    """

    file: str
    digest: str
    encoding_column: str = ENCODING_COLUMN
    reward_column: str | None = None
    reward_columns: tuple[str, ...] = ()
    report_columns: tuple[str, ...] = ()
    cost_columns: tuple[str, ...] = ()
    noise: Annotated[float, Meta(ge=0, le=MOST_NOISE)] = 0.0

    @property
    def scores(self) -> tuple[str, ...]:
        """The columns that a score may be of."""
        return self.reward_columns if self.reward_column is None else (self.reward_column,)

    @property
    def noisy(self) -> bool:
        """Whether a genotype that is measured again has another score."""
        return len(self.scores) > 1 or self.noise > 0


class TableEvaluator:
    """Reads the whole table at construction (DataError for a bad one), then answers from memory."""

    summary = "Looks a genotype up in a table: a published benchmark, or one of your own."
    trains = False
    trains_baseline = False
    instant = True
    unused = ("epochs", "retrain-top", "retrain-epochs", "retrain-seeds", "baseline")
    flags: tuple[Flag, ...] = FLAGS
    options = NoOptions
    settings = TableSettings

    @staticmethod
    def resolve(request: EvaluationRequest) -> dict[str, Any]:
        """Return file, columns and the file's digest. The table is read here already, so that a bad one costs no trial.

        The path is made absolute, so that a run can be resumed from anywhere.
        """
        from automl_cli.data.benchmark_table import table_digest

        said = {row.name: row for row in FLAGS if row.name in request.given}
        _check_said(said)
        settings: dict[str, Any] = {"encoding_column": ENCODING_COLUMN}
        for name, row in said.items():
            settings[str(row.recorded).rpartition(".")[2]] = row.as_recorded(request.given[name])
        settings["digest"] = table_digest(settings["file"])
        _read(msgspec.convert(settings, TableSettings), request.space)
        return settings

    @staticmethod
    def check(setup: EvaluatorSetup) -> None:
        """Raise DataError for a table that has changed."""
        TableEvaluator(setup)

    @staticmethod
    def prepare(setup: EvaluatorSetup, report: Report) -> None:
        """Do nothing: every worker reads the table itself."""

    @staticmethod
    def together(settings: Mapping[str, Any]) -> int:
        """Return 1: every trial is a task of its own."""
        return 1

    @staticmethod
    def noisy(settings: Mapping[str, Any]) -> bool:
        """Return whether there is noise, or there are several trainings of each row."""
        return msgspec.convert(settings, TableSettings).noisy

    @staticmethod
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        """Return None: costs are metrics here, from the cost columns."""
        return None

    @staticmethod
    def sizes(setup: EvaluatorSetup, space: SearchSpace) -> Callable[[Genotype], float] | None:
        """Return the number in the first of the cost columns; None without such columns. A genotype that the table lacks is
        smaller than all others."""
        settings = msgspec.convert(setup.evaluator.settings, TableSettings)
        if not settings.cost_columns:
            return None
        table = _read(settings, space)
        costs = table.values[:, table.columns.index(settings.cost_columns[0])]
        return lambda genotype: float(costs[row]) if (row := table.rows.get(genotype)) is not None else -math.inf

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        """Yield the table and the column of the reward."""
        settings = msgspec.convert(setup.evaluator.settings, TableSettings)
        columns = ", ".join(map(repr, settings.scores))
        one = f"column {columns}" if len(settings.scores) == 1 else f"one of the columns {columns}, drawn by the trial's seed,"
        noise = f", with noise of standard deviation {settings.noise:g}" if settings.noise else ""
        yield "measured by", f"{one} of {settings.file}{noise}"

    @staticmethod
    def seconds(
        setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype], *, trials: int, epochs: int
    ) -> SecondsEstimate | None:
        """Return None: no child takes long enough to be worth an estimate."""
        return None

    def __init__(self, setup: EvaluatorSetup) -> None:
        from automl_cli.data.benchmark_table import table_digest

        self._settings = msgspec.convert(setup.evaluator.settings, TableSettings)
        if table_digest(self._settings.file) != self._settings.digest:
            raise DataError(
                f"{self._settings.file} is not the table that this search was started with: it has changed since. Give the "
                "file back, or start a new run"
            )
        self.table = _read(self._settings, open_space(setup.space))

    def evaluate(self, task: Task) -> Measurement:
        """Return the row of the task's genotype. Raises NoResult where the table lacks it, so an incomplete one is searched."""
        row = self.table.rows.get(task.genotype)
        if row is None:
            rows = counted(len(self.table.rows), "row")
            raise NoResult(
                "not in the table",
                f"{self.table.path} has {rows} and none of this genotype; add what is missing and start a new run, or "
                "search on without it",
            )
        numbers = self.table.numbers(row)
        metrics = {name: numbers[name] for name in (*self._settings.report_columns, *self._settings.cost_columns)}
        seen = [float(numbers[name]) for name in self._settings.scores]
        if not self._settings.noisy:
            return Measurement(scores=tuple(seen), metrics=metrics)
        random = stream(task.seed, "score of a table")
        score = random.choice(seen) + random.gauss(0.0, self._settings.noise)
        return Measurement(scores=(score,), metrics={**metrics, TRUE_SCORE: fmean(seen)})


def _check_said(said: Container[str]) -> None:
    """Raise UserError unless a table is given, and one flag that says what to search for."""
    if "table" not in said:
        raise UserError("--evaluator table needs --table, a .csv or .npz file")
    if ("reward-column" in said) == ("reward-columns" in said):
        if "reward-column" in said:
            raise UserError("--reward-column and --reward-columns both say what is searched for; give one of them")
        raise UserError(
            "--evaluator table needs --reward-column, the column to search for, or --reward-columns A,B, the scores of several "
            "trainings of each row"
        )


def _read(settings: TableSettings, space: SearchSpace) -> Any:
    from automl_cli.data.benchmark_table import UnknownColumn, read_table

    shown = (*settings.report_columns, *settings.cost_columns)
    if settings.noisy and TRUE_SCORE in shown:
        raise UserError(f"{TRUE_SCORE!r} is the mean of the scores without noise, which is reported anyway; rename that column")
    columns = (*settings.scores, *shown)
    try:
        return read_table(settings.file, space.decisions, encoding_column=settings.encoding_column, columns=columns)
    except UnknownColumn as error:
        if error.column != ENCODING_COLUMN or settings.encoding_column != ENCODING_COLUMN:
            raise
        hint = f"{ENCODING_COLUMN!r} is the default of --encoding-column; name another column with that flag"
        raise DataError(f"{error}. {hint}") from error

"""Look a genotype up in a tabular benchmark instead of training it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import DataError, UserError
from automl_cli.core.flags import Flag
from automl_cli.core.numbers import counted
from automl_cli.core.protocols import EvaluationRequest, EvaluatorSetup, NoResult, Report, SecondsEstimate
from automl_cli.core.settings import NoOptions
from automl_cli.core.spaces import SearchSpace
from automl_cli.core.trials import Costs, Measurement, Task
from automl_cli.plugins.discovery import open_space

ENCODING_COLUMN = "ops"
"""The default of `--encoding-column`."""


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
        type=str,
        panel="Children from a table",
        metavar=metavar,
        help=text,
        recorded=f"evaluator.settings.{setting}",
        of_evaluator="table",
        **more,
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
    """File and columns of a table. Report and cost columns go into the metrics of the measurement.

    `digest` is that of the file when the search was planned; a table with another one is refused.
    """

    file: str
    digest: str
    encoding_column: str = ENCODING_COLUMN
    reward_column: str
    report_columns: tuple[str, ...] = ()
    cost_columns: tuple[str, ...] = ()


class TableEvaluator:
    """Reads the whole table at construction (DataError for a bad one), then answers from memory."""

    summary = "Looks a genotype up in a table: a published benchmark, or one of your own."
    trains = False
    instant = True
    unused = ("epochs", "retrain-top", "retrain-epochs")
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
        for name in ("table", "reward-column"):
            if name not in said:
                raise UserError(
                    f"--evaluator table needs --{name}: --table is a .csv or .npz file, --reward-column what to search for"
                )
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
    def costs(setup: EvaluatorSetup, space: SearchSpace, genotype: Genotype) -> Costs | None:
        """Return None: costs are metrics here, from the cost columns."""
        return None

    @staticmethod
    def describe(setup: EvaluatorSetup, space: SearchSpace, genotypes: Sequence[Genotype]) -> Iterator[tuple[str, str]]:
        """Yield the table and the column of the reward."""
        settings = msgspec.convert(setup.evaluator.settings, TableSettings)
        yield "measured by", f"column {settings.reward_column!r} of {settings.file}"

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
        return Measurement(scores=(float(numbers[self._settings.reward_column]),), metrics=metrics)


def _read(settings: TableSettings, space: SearchSpace) -> Any:
    from automl_cli.data.benchmark_table import UnknownColumn, read_table

    columns = (settings.reward_column, *settings.report_columns, *settings.cost_columns)
    try:
        return read_table(settings.file, space.decisions, encoding_column=settings.encoding_column, columns=columns)
    except UnknownColumn as error:
        if error.column != ENCODING_COLUMN or settings.encoding_column != ENCODING_COLUMN:
            raise
        hint = f"{ENCODING_COLUMN!r} is the default of --encoding-column; name another column with that flag"
        raise DataError(f"{error}. {hint}") from error

"""Looks a genotype up in a tabular benchmark instead of training it."""

from typing import Any

import msgspec

from automl_cli.core.errors import DataError
from automl_cli.core.plugins import SpaceReference
from automl_cli.core.protocols import Diverged, canonical
from automl_cli.core.trials import Measurement, Task
from automl_cli.data.tables import read_table, table_digest
from automl_cli.plugins.discovery import open_space


class TableSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file and which of its columns. Report and cost columns go into the metrics of the measurement.

    `digest` is that of the file when the search was planned; a table with another one is refused.
    """

    space: SpaceReference
    file: str
    digest: str
    encoding_column: str
    reward_column: str
    report_columns: tuple[str, ...] = ()
    cost_columns: tuple[str, ...] = ()


class TableEvaluator:
    """Reads the whole table at construction (DataError for a bad one), then answers from memory."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = msgspec.convert(settings, TableSettings)
        space = open_space(self.settings.space)
        if table_digest(self.settings.file) != self.settings.digest:
            raise DataError(
                f"{self.settings.file} is not the table that this search was started with: it has changed since. Give the file "
                "back, or start a new run"
            )
        columns = (self.settings.reward_column, *self.settings.report_columns, *self.settings.cost_columns)
        self.table = read_table(
            self.settings.file, space.decisions, encoding_column=self.settings.encoding_column, columns=columns
        )

    def evaluate(self, task: Task) -> Measurement:
        """The row of the task's genotype; Diverged when the table has none, so that an incomplete one can be searched."""
        row = self.table.rows.get(task.genotype)
        if row is None:
            raise Diverged(
                f"genotype {canonical(task.genotype)} has no row among the {len(self.table.rows)} of {self.table.path}"
            )
        numbers = self.table.numbers(row)
        metrics = {name: numbers[name] for name in (*self.settings.report_columns, *self.settings.cost_columns)}
        return Measurement(scores=(float(numbers[self.settings.reward_column]),), metrics=metrics)

"""Looks a genotype up in a tabular benchmark instead of training it."""

from typing import Any

import msgspec

from automl_cli.core.plugins import SpaceReference
from automl_cli.core.protocols import canonical
from automl_cli.core.trials import Measurement, Task
from automl_cli.data.tables import read_table
from automl_cli.discovery import open_space


class TableSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file and which of its columns. Report and cost columns go into the metrics of the measurement."""

    space: SpaceReference
    file: str
    reward_column: str
    encoding_column: str = "ops"
    report_columns: tuple[str, ...] = ()
    cost_columns: tuple[str, ...] = ()


class TableEvaluator:
    """Reads the whole table at construction (DataError for a bad one), then answers from memory."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = msgspec.convert(settings, TableSettings)
        space = open_space(self.settings.space)
        columns = (self.settings.reward_column, *self.settings.report_columns, *self.settings.cost_columns)
        self.table = read_table(
            self.settings.file, space.decisions, encoding_column=self.settings.encoding_column, columns=columns
        )

    def evaluate(self, task: Task) -> Measurement:
        """The row of the task's genotype; LookupError when the table has none."""
        row = self.table.rows.get(task.genotype)
        if row is None:
            raise LookupError(
                f"genotype {canonical(task.genotype)} has no row among the {len(self.table.rows)} of {self.table.path}"
            )
        numbers = dict(zip(self.table.columns, self.table.values[row].tolist(), strict=True))
        metrics = {name: numbers[name] for name in (*self.settings.report_columns, *self.settings.cost_columns)}
        return Measurement(scores=(numbers[self.settings.reward_column],), metrics=metrics)

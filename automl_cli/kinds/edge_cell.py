"""The cell of a tabular benchmark, which is looked up and never trained."""

from typing import ClassVar

from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody
from automl_cli.values.drawn_cells import edge_cell_drawings
from automl_cli.values.edge_cell import EdgeCell


class EdgeCellBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Operations on the edges of a small graph."""

    SCHEMA: ClassVar[Schema] = Schema("edge-cell")

    value: EdgeCell


KIND = Kind(
    name="edge-cell",
    value=EdgeCell,
    body=EdgeCellBody,
    flag="cell",
    drawing=edge_cell_drawings,
    words=lambda cell: tuple(cell.text.split("+")),
)

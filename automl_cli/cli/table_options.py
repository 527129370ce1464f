"""Flags of the searches that can look children up in a table instead of training them."""

from typing import Annotated, Any

import typer

TABLE = "Children from a table"


def _option(*flags: str, **more: Any) -> Any:
    return typer.Option(*flags, rich_help_panel=TABLE, show_default=False, **more)


Table = Annotated[str | None, _option("--table", metavar="FILE", help="A .csv or .npz with a row for every genotype.")]
EncodingColumn = Annotated[
    str | None, _option("--encoding-column", metavar="NAME", help="The column of genotypes: their indices. [default: ops]")
]
RewardColumn = Annotated[str | None, _option("--reward-column", metavar="NAME", help="The score that the search sees.")]
ReportColumns = Annotated[
    str | None, _option("--report-columns", metavar="A,B", help="Figures that only the report shows, such as a test score.")
]
CostColumns = Annotated[str | None, _option("--cost-columns", metavar="A,B", help="Costs of a child, such as its parameters.")]

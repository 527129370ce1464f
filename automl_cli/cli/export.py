"""`automl export`: writes a trained model as one file that runs without this tool."""

from pathlib import Path
from typing import Annotated

import typer

from automl_cli.cli.options import Json

File = Annotated[Path, typer.Argument(metavar="MODEL", help="The model.json of a training, or its directory.")]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Where to. [default: export, beside the model]", show_default=False)
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what was exported there.")]


def export(file: File, *, out: Out = None, overwrite: Overwrite = False, json: Json = False) -> None:
    """Write a trained model as one file that runs without this tool: StableHLO, with the weights inside.

    A README beside it shows the five lines of Python that call it. Needs JAX where it runs, nothing else.

    Examples:
        automl export runs/final
        automl export runs/final/model.json --out exported
    """
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.jobs.export import README
    from automl_cli.jobs.export import export as write
    from automl_cli.training.model_file import model_file

    path = model_file(file)
    program = write(path, out or path.parent / "export", overwrite=overwrite)
    if json:
        write_json({"program": str(program), "readme": str(program.with_name(README)), "bytes": program.stat().st_size})
    else:
        write_line(str(program))

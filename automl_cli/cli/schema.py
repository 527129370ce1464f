"""`automl schema`: the JSON Schema of every kind of artifact."""

from typing import Annotated

import typer

from automl_cli.cli.options import Json

Kind = Annotated[str | None, typer.Argument(metavar="KIND", help="A kind of artifact; without it, the kinds are listed.")]


def schema(kind: Kind = None, *, json: Json = False) -> None:
    """Print the JSON Schema of a kind of artifact.

    Examples:
        automl schema
        automl schema architecture > architecture.schema.json
    """
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.store import artifact

    if kind is not None:
        write_json(artifact.schema(kind))
    elif json:
        write_json({"kinds": {name: known.schema for name, known in artifact.KINDS.items()}})
    else:
        for known in artifact.KINDS.values():
            write_line(known.schema)

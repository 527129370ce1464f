"""`automl schema`: prints the JSON Schema of every kind of artifact."""

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
    from automl_cli.core.errors import unknown_name
    from automl_cli.plugins.listing import bodies
    from automl_cli.store.artifact import json_schema

    known = bodies()
    if kind is not None and kind not in known:
        raise unknown_name("kind of artifact", kind, known)
    if kind is not None:
        write_json(json_schema(known[kind]))
    elif json:
        write_json({"kinds": {name: str(body.SCHEMA) for name, body in known.items()}})
    else:
        for body in known.values():
            write_line(str(body.SCHEMA))

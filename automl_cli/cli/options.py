"""Flags that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from automl_cli.core.errors import UserError

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
SpaceOptions = Annotated[
    list[str] | None,
    typer.Option("--space-option", metavar="NAME=VALUE", help="An option of the space; may be given more than once."),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", envvar="TFDS_DATA_DIR", help="Where prepared TFDS data sets are.", show_default=False),
]


def pairs(texts: list[str] | None, flag: str) -> dict[str, str]:
    """Return what was given as NAME=VALUE, by name. Raises UserError for another form and for a name given twice.

    >>> pairs(["variant=pooling", "layers=4"], "--space-option")
    {'variant': 'pooling', 'layers': '4'}
    """
    found: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UserError(f"{flag} {text!r} is not of the form NAME=VALUE, such as layers=4")
        if name in found:
            raise UserError(f"{flag} gives {name!r} twice: {found[name]!r} and {value!r}")
        found[name] = value
    return found

"""`automl show`: shows an artifact in words."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_cli.cli.options import Json

if TYPE_CHECKING:
    from automl_cli.values.sheet import Part

ArtifactName = Annotated[
    str,
    typer.Argument(
        metavar="ARTIFACT", help="A file, the directory of a search or a training, or a name that `automl references` lists."
    ),
]


def show(artifact: ArtifactName, *, json: Json = False) -> None:
    """Show what an artifact holds, in words.

    An architecture is shown as a table of its layers with shapes and exact costs, and as the deck's token strings; a cell as
    one equation per state.

    Examples:
        automl show runs/first/best.json
        automl show runs/first
        automl show nasnet-a
        automl show model.json --json
    """
    from automl_cli.cli.console import data_console, write_json
    from automl_cli.references import open_any
    from automl_cli.report.terminal import laid_out

    opened = open_any(artifact)
    found = opened.artifact
    if json:
        write_json(found)
        return
    console = data_console()
    console.print(f"{opened.place}: {found.schema}, written by {found.tool}", style="dim", soft_wrap=True)
    for part in _parts(found.body, opened.place):
        console.print()
        console.print(laid_out(part, console.width))


def _parts(body: Any, place: str) -> "Iterator[Part]":
    """Yield how the value was found and what its kind says of it; for other kinds an outline of the fields."""
    from automl_cli.plugins.listing import kind_of
    from automl_cli.plugins.sheets import cost_facts, found_facts
    from automl_cli.store.encoding import plain
    from automl_cli.store.study import FoundBody
    from automl_cli.values.sheet import Facts, Lines

    kind = kind_of(body)
    found = body.found if isinstance(body, FoundBody) else None
    if found is not None:
        facts = {} if found.child is None else found.child.problem.facts
        yield Facts((*found_facts(found), *cost_facts(found.costs, facts.get("image_shape", ()))))
    if kind.sheet is not None:
        yield from kind.sheet(body, place)
    else:
        yield Lines("\n".join(body.words if isinstance(body, FoundBody) else _outline(plain(body))))


def _outline(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield nested plain data as indented lines; a list of plain values is one line."""
    indent = "  " * depth
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        nested = isinstance(item, dict) or (isinstance(item, list) and any(isinstance(part, dict | list) for part in item))
        if nested and item:
            yield f"{indent}{key}:"
            yield from _outline(item, depth + 1)
        else:
            yield f"{indent}{key}: {', '.join(map(str, item)) if isinstance(item, list) else item}"

"""`automl references`: lists the published results that ship under a name."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_cli.cli.options import Json

if TYPE_CHECKING:
    from automl_cli.references import Publication

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show only this one, with the results reported for it.")]
Bibtex = Annotated[bool, typer.Option("--bibtex", help="The papers as BibTeX entries.")]


def references(name: Name = None, *, bibtex: Bibtex = False, json: Json = False) -> None:
    """List the published results that have a name here.

    Also shows the papers behind this tool.

    A name is usable wherever an artifact is: automl show nasnet-a, automl train --cell nasnet-a --activation swish.

    Examples:
        automl references
        automl references nasnet-a
        automl references swish
        automl references --bibtex
    """
    from automl_cli.cli.console import write_bytes, write_json

    chosen = _chosen(name)
    if json:
        write_json([_document(publication, name) for publication in chosen])
    elif bibtex:
        write_bytes("\n\n".join(publication.bibtex for publication in chosen).encode() + b"\n")
    elif name is not None:
        _show_one(chosen[0], name)
    else:
        _show_all(chosen)


def _chosen(name: str | None) -> tuple["Publication", ...]:
    """Return all papers, or the one that provides the name."""
    from automl_cli.core.errors import unknown_name
    from automl_cli.references import names, publications

    if name is None:
        return publications()
    if name not in names():
        raise unknown_name("reference", name, names())
    return tuple(publication for publication in publications() if name in publication.provides)


def _document(publication: "Publication", only: str | None) -> dict[str, Any]:
    """Return the paper as plain data, with the kind of each thing it provides."""
    from automl_cli.store.encoding import plain

    found: dict[str, Any] = plain(publication)
    found["provides"] = {name: {"kind": _kind(name), **row} for name, row in found["provides"].items() if only in (None, name)}
    return found | {"bibtex": publication.bibtex}


def _kind(name: str) -> str:
    from automl_cli.references import open_any

    return open_any(name).artifact.kind


def _show_all(publications: tuple["Publication", ...]) -> None:
    from automl_cli.cli.console import data_console, table

    console = data_console()
    rows = [
        (name, _kind(name), provided.summary, f"{_authors(publication)} {publication.year}; {provided.place}")
        for publication in publications
        for name, provided in publication.provides.items()
    ]
    console.print(table(("name", "kind", "what", "paper"), rows))
    console.print("\nThe papers behind this tool")
    for publication in publications:
        console.print(f"{_short(publication)}: {publication.title}", soft_wrap=True)


def _show_one(publication: "Publication", name: str) -> None:
    from automl_cli.cli.console import data_console, table
    from automl_cli.references import open_any

    console, provided = data_console(), publication.provides[name]
    console.print(f"{name}: {provided.summary}", soft_wrap=True)
    console.print(f"{publication.title}. {', '.join(publication.authors)}. {_short(publication)}", soft_wrap=True)
    console.print(f"Stands in {provided.place}. {provided.note}", soft_wrap=True)
    if words := open_any(name).artifact.body.words:
        console.print("\n".join(("", *words)), soft_wrap=True, highlight=False)
    if not provided.results:
        return
    titles = ("table", "setting", "data", "metric", "value", "parameters", "mult-adds")
    rows = [
        (
            row.table.removeprefix("Table "),
            row.setting,
            row.dataset,
            row.metric,
            row.value,
            row.parameters or "",
            row.multiply_adds or "",
        )
        for row in provided.results
    ]
    console.print()
    console.print(table(titles, rows, right=("value", "parameters", "mult-adds")))


def _authors(publication: "Publication") -> str:
    first = publication.authors[0].rpartition(" ")[2]
    second = f" and {publication.authors[1].rpartition(' ')[2]}" if publication.authors[1:] else ""
    return first + (" et al." if len(publication.authors) > 2 else second)


def _short(publication: "Publication") -> str:
    found = f", arXiv {publication.arxiv}" if publication.arxiv else ""
    return f"{_authors(publication)}, {publication.venue} {publication.year}{found}"

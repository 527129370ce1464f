"""`automl show`: shows an artifact in words."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_cli.cli.options import DataDir, Json

if TYPE_CHECKING:
    from automl_cli.references import Opened
    from automl_cli.values.drawings import Drawing
    from automl_cli.values.sheet import Part

ArtifactName = Annotated[
    str,
    typer.Argument(
        metavar="ARTIFACT|NAME|FORMULA",
        help="A file, the directory of a search or a training, a name that `automl references` lists, or a formula of an "
        "activation function or an update rule.",
    ),
]


Image = Annotated[
    Path | None,
    typer.Option(
        "--image",
        metavar="FILE",
        help="Draw it as FILE, .svg or .png, or what it does to images, .png, instead; the path goes to stdout.",
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="NAME|PATH",
        help="With --image: the images that an augmentation is shown on. [default: those it was found on, else digits]",
        show_default=False,
    ),
]
ImageSize = Annotated[
    int | None,
    typer.Option("--image-size", min=1, metavar="PIXELS", help="Height and width of these images.", show_default=False),
]


def show(
    artifact: ArtifactName,
    *,
    image: Image = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    image_size: ImageSize = None,
    json: Json = False,
) -> None:
    """Show what an artifact holds, in words.

    An architecture is shown as a table of its layers with shapes and exact costs, and as the deck's token strings; a cell as
    one equation per state; an activation function as a formula and a curve with its features; an update rule as a formula with
    what it does. For a search of formulas, the best of each length are listed.

    With --image, it is drawn: a network or a model layer by layer with its skip connections, a cell as a graph, a function
    as a curve with its formula, an update rule as a formula, and an augmentation as a contact sheet: a few images, and below
    them what each of its sub-policies makes of them.

    Examples:
        automl show runs/first/best.json
        automl show runs/first
        automl show nasnet-a
        automl show nasnet-a --image nasnet-a.svg
        automl show swish --image swish.png
        automl show runs/augment --dataset digits --image policy.png
        automl show 'x * sigmoid(2 * x)'
        automl show model.json --json
    """
    from automl_cli.cli.console import write_json, write_line
    from automl_cli.core.errors import UserError
    from automl_cli.references import open_any

    if image is not None and json:
        raise UserError("--image writes a file, and --json prints a document; give one of them")
    opened = open_any(artifact)
    if image is not None:
        _write_image(opened, image, dataset, image_size=image_size, data_dir=data_dir)
        write_line(str(image))
    elif json:
        write_json(opened.artifact)
    else:
        _print(opened, Path(artifact))


def _print(opened: "Opened[Any]", run: Path) -> None:
    """Print the artifact; behind it the front of a search, where a run was named."""
    from automl_cli.cli.console import data_console
    from automl_cli.reporting.terminal import laid_out

    console, found = data_console(), opened.artifact
    console.print(f"{opened.place}: {found.schema}, written by {found.tool}", style="dim", soft_wrap=True)
    for part in (*_parts(found.body, opened.place), *_front(run)):
        console.print()
        console.print(laid_out(part, console.width))


def _write_image(opened: "Opened[Any]", path: Path, dataset: str | None, **reading: Any) -> None:
    """Write the drawing of a value, or what it does to images, as its kind has it. UserError where it has neither."""
    from automl_cli.core.errors import UserError
    from automl_cli.plugins.listing import kind_of

    body, place = opened.artifact.body, opened.place
    if kind_of(body).pictures is not None:
        from automl_cli.reporting.pictures import write_pictures

        write_pictures(body, place, path, dataset, **reading)
        return
    if dataset is not None:
        raise UserError(f"--dataset {dataset}: {place} holds a value of kind {kind_of(body).name!r}, drawn without data")
    from automl_cli.reporting.drawing_files import write_drawings

    write_drawings(_drawings(body, place), path)


def _drawings(body: Any, place: str) -> "tuple[Drawing, ...]":
    """Return the drawings of what an artifact holds. UserError where there are none."""
    from automl_cli.core.errors import UserError
    from automl_cli.plugins.listing import held_by, kind_of, kinds

    kind = kind_of(body)
    if kind.drawing is None:
        drawn = ", ".join(row.name for row in kinds().values() if row.drawing or row.pictures)
        raise UserError(f"{place} holds a value of kind {kind.name!r}, of which there is no drawing; kinds with one: {drawn}")
    if not (drawings := kind.drawing(held_by(body))):
        raise UserError(f"there is nothing to draw of {place}{': ' + ', '.join(body.words) if kind.is_found else ''}")
    return drawings


def _front(run: Path) -> "Iterator[Part]":
    """Yield the table of the best of each length, where this is the directory of a search whose values have one."""
    from automl_cli.references.written import is_there
    from automl_cli.reporting.pareto import pareto_grid, pareto_of
    from automl_cli.reporting.runs import read_history
    from automl_cli.store.file_names import STUDY_FILE

    if is_there(str(run)) and (run / STUDY_FILE).is_file() and (points := pareto_of(read_history(run))):
        yield pareto_grid(points)


def _parts(body: Any, place: str) -> "Iterator[Part]":
    """Yield how the value was found and what its kind says of it; for other kinds an outline of the fields."""
    from automl_cli.plugins.listing import held_by, kind_of
    from automl_cli.plugins.sheets import cost_facts, found_facts
    from automl_cli.store.encoding import plain
    from automl_cli.store.study import FoundBody
    from automl_cli.values.sheet import Curves, Facts, Lines

    kind = kind_of(body)
    found = body.found if isinstance(body, FoundBody) else None
    if found is not None:
        facts = {} if found.child is None else found.child.problem.facts
        yield Facts((*found_facts(found), *cost_facts(found.costs, facts.get("image_shape", ()))))
    if kind.sheet is not None:
        yield from kind.sheet(body, place)
    else:
        yield Lines("\n".join(body.words if isinstance(body, FoundBody) else _outline(plain(body))))
    if kind.drawing is not None:
        yield from (drawing._replace(title="") for drawing in kind.drawing(held_by(body)) if isinstance(drawing, Curves))


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

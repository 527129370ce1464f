"""`automl show`: what an artifact holds, in words."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_cli.cli.options import Json
from automl_cli.core.numbers import by_times, counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from automl_cli.core.trials import Costs
    from automl_cli.store.bodies import Architecture, Model
    from automl_cli.store.cells import Cell, Found, StackedNetwork
    from automl_cli.values.network import Network, Shape

ArtifactName = Annotated[
    str, typer.Argument(metavar="ARTIFACT", help="A file, the directory of a run, or a name that `automl references` lists.")
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

    opened = open_any(artifact)
    found = opened.artifact
    if json:
        write_json(found)
        return
    console = data_console()
    console.print(f"{opened.place}: {found.schema}, written by {found.tool}", style="dim", soft_wrap=True)
    for part in RENDERERS.get(found.kind, _plain_parts)(found.body):
        console.print()
        console.print(part)


def _search_facts(found: "Architecture | Found") -> dict[str, str]:
    """How it was found, and what its child cost and scored."""
    options = ", ".join(f"{name}={value}" for name, value in found.space.options.items())
    epochs = counted(found.epochs, "epoch")
    trained_on = f" on {found.dataset.source}" if found.dataset else ""
    return {
        "space": f"{found.space.name} version {found.space.version}" + (f" ({options})" if options else ""),
        "found by": f"{found.strategy}, seed {found.seed}, trial {found.trial}",
        "validation": f"{found.validation_score:.4f} after {epochs}{trained_on}; reward {found.reward:.4f}",
        **_cost_facts(found.costs, found.image_shape),
    }


def _architecture_parts(body: "Architecture") -> Iterator["RenderableType"]:
    yield _facts(_search_facts(body))
    yield _network_table(body.network, body.image_shape)
    yield "as the controller wrote it: " + " | ".join(body.tokens)


def _cell_parts(body: "Cell") -> Iterator["RenderableType"]:
    if body.found is not None:
        yield _facts(_search_facts(body.found))
    yield "\n".join(body.words)


def _network_parts(body: "StackedNetwork") -> Iterator["RenderableType"]:
    from automl_cli.core.trials import Costs

    stack = body.stack
    costs = Costs(parameters=body.parameters, multiply_adds=body.multiply_adds)
    yield _facts(
        {
            "stack": f"{stack.skeleton}, N = {stack.repeats}, F = {stack.filters}, width {body.width}",
            "for": f"{body.target}, {body.classes} classes; nothing is trained",
            **_cost_facts(costs, body.image_shape),
        }
    )
    yield "\n".join(body.words)


def _model_parts(body: "Model") -> Iterator["RenderableType"]:
    from automl_cli.core.trials import Costs

    yield _facts(
        {
            "test accuracy": f"{body.test_accuracy:.4f}" + _top5(body.test_top5_accuracy),
            "validation": "none: trained on all" if body.validation_accuracy is None else f"{body.validation_accuracy:.4f}",
            "trained": f"{counted(body.epochs, 'epoch')} on {body.dataset.source}, seed {body.seed}",
            "weights": f"{body.weights_file}, SHA-256 {body.weights_digest[:12]}…",
            **_cost_facts(Costs(parameters=body.parameters, multiply_adds=body.multiply_adds), body.image_shape),
        }
    )
    yield _network_table(body.network, body.image_shape)


def _top5(accuracy: float | None) -> str:
    return "" if accuracy is None else f", top-5 {accuracy:.4f}"


def _plain_parts(body: Any) -> Iterator["RenderableType"]:
    from automl_cli.store.encoding import plain

    yield "\n".join(_outline(plain(body)))


RENDERERS: Mapping[str, Callable[[Any], Iterator["RenderableType"]]] = {
    "architecture": _architecture_parts,
    "cell": _cell_parts,
    "network": _network_parts,
    "model": _model_parts,
}
"""How the body of each kind is shown; any other kind as an outline of its fields."""


def _facts(facts: Mapping[str, str]) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2, 0, 0))
    for name, value in facts.items():
        made.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    return made


def _cost_facts(costs: "Costs | None", image: "Shape | None") -> dict[str, str]:
    if costs is None or image is None:
        return {}
    return {
        "costs": f"{costs.parameters:,} parameters, {costs.multiply_adds:,} multiply-adds for one image of {by_times(image)}"
    }


def _network_table(network: "Network", image: "Shape | None") -> "RenderableType":
    from automl_cli.cli.console import table

    titles, rows = ("layer", "operation", "reads"), _layer_rows(network)
    if image is None:
        return table(titles, rows)
    return table((*titles, "gives", "parameters"), _rows_with_shapes(network, image), right=("parameters",))


def _layer_rows(network: "Network") -> list[tuple[str, str, str]]:
    rows = [(block.name, operation_in_words(block.operation), ", ".join(block.inputs)) for block in network.blocks]
    return [*rows, ("classifier", "average pooling, linear", ", ".join(network.outputs))]


def _rows_with_shapes(network: "Network", image: "Shape") -> Iterator[tuple[str, ...]]:
    from automl_cli.values.network import joined_shape

    shapes = network.shapes(image)
    *layers, classifier = _layer_rows(network)
    for row, block in zip(layers, network.blocks, strict=True):
        read = joined_shape((shapes[name] for name in block.inputs), block.join)
        yield (*row, by_times(shapes[block.name]), f"{block.operation.costs(read).parameters:,}")
    yield (*classifier, "", "")


def operation_in_words(operation: Any) -> str:
    """The operation's tag, the size of its window, and its other fields that are not at their defaults.

    >>> from automl_cli.values.network import ConvolutionUnit
    >>> operation_in_words(ConvolutionUnit(kernel=(3, 5), filters=24, stride=(1, 1)))
    'convolution 3×5, filters 24'
    """
    from msgspec.structs import fields

    said = {field.name: getattr(operation, field.name) for field in fields(operation)}
    usual = {field.name: field.default for field in fields(operation)}
    words = {name: _word(value) for name, value in said.items() if value != usual[name]}
    size = [words.pop(name) for name in ("kernel", "window") if name in words]
    return ", ".join(
        (" ".join((operation.__struct_config__.tag, *size)), *(f"{name} {value}" for name, value in words.items()))
    )


def _word(value: object) -> str:
    return by_times(value) if isinstance(value, tuple) else str(value)


def _outline(value: Any, depth: int = 0) -> Iterator[str]:
    """Nested plain data as indented lines; a list of plain values on one line."""
    indent = "  " * depth
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        nested = isinstance(item, dict) or (isinstance(item, list) and any(isinstance(part, dict | list) for part in item))
        if nested and item:
            yield f"{indent}{key}:"
            yield from _outline(item, depth + 1)
        else:
            yield f"{indent}{key}: {', '.join(map(str, item)) if isinstance(item, list) else item}"

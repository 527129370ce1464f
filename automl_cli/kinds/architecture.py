"""A network that a search found, or that experts made, as a graph of blocks."""

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

from automl_cli.core.numbers import by_times
from automl_cli.core.spaces import Baseline
from automl_cli.core.trials import Costs
from automl_cli.plugins.kind import Kind
from automl_cli.store.artifact import Schema
from automl_cli.store.study import FoundBody
from automl_cli.values.dataset import facts_of
from automl_cli.values.drawn_networks import network_drawings
from automl_cli.values.expert_networks import EXPERT_NETWORKS, expert_network
from automl_cli.values.network import Block, ConvolutionUnit, Network, Shape, joined_shape
from automl_cli.values.published_recipes import expert_trainings_for
from automl_cli.values.sheet import Grid, Lines, Part


class ArchitectureBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network: its blocks, and its words: the deck's token strings, or its layers where no controller wrote any."""

    SCHEMA: ClassVar[Schema] = Schema("architecture")

    value: Network


def costs(network: Network, facts: Any) -> Costs:
    """Count the trainable parameters, and the multiply-adds for one image."""
    return network.costs(facts.image_shape, len(facts.classes))


def activated(network: Network, facts: Any) -> int:
    """Return on how many channels the activation function of the child acts, in all blocks together."""
    return network.activated_channels(facts.image_shape)


def depth(network: Network) -> int | None:
    """Return the number of convolution layers, or None where there is none."""
    return sum(isinstance(block.operation, ConvolutionUnit) for block in network.blocks) or None


def sheet(body: ArchitectureBody, place: str) -> Iterator[Part]:
    """Yield a table of the network's layers with shapes and exact costs, and the tokens of one that was found."""
    facts = facts_of(body.found.child) if body.found is not None else None
    yield network_grid(body.value, None if facts is None else facts.image_shape)
    if body.found is not None:
        yield Lines("as the controller wrote it: " + " | ".join(body.words))


def network_grid(network: Network, image: Shape | None) -> Grid:
    """Return a table with one row per layer; shapes and parameters are added where the image shape is known."""
    titles, rows = ("layer", "operation", "reads"), _layer_rows(network)
    if image is None:
        return Grid(titles, tuple(rows), words=titles)
    return Grid((*titles, "gives", "parameters"), tuple(_rows_with_shapes(network, image)), words=(*titles, "gives"))


def _layer_rows(network: Network) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (block.name, operation_in_words(block.operation), ", ".join(block.inputs)) for block in network.blocks
    ]
    return [*rows, ("classifier", "average pooling, linear", ", ".join(network.outputs))]


def _rows_with_shapes(network: Network, image: Shape) -> Iterator[tuple[str, ...]]:
    shapes = network.shapes(image)
    *layers, classifier = _layer_rows(network)
    for row, block in zip(layers, network.blocks, strict=True):
        yield (*row, by_times(shapes[block.name]), f"{_parameters(block, shapes):,}")
    yield (*classifier, "", "")


def _parameters(block: Block, shapes: dict[str, Shape]) -> int:
    return block.operation.costs(joined_shape((shapes[name] for name in block.inputs), block.join)).parameters


def operation_in_words(operation: Any) -> str:
    """Return the operation's tag, the size of its window, and every other field that is not at its default.

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


KIND = Kind(
    name="architecture",
    value=Network,
    body=ArchitectureBody,
    role="network",
    flag="arch",
    families={pattern: partial(expert_network, pattern) for pattern in EXPERT_NETWORKS},
    words=lambda network: tuple(f"{name}: {operation} of {reads}" for name, operation, reads in _layer_rows(network)),
    sheet=sheet,
    drawing=network_drawings,
    costs=costs,
    activated=activated,
    depth=depth,
    trainings=lambda facts: expert_trainings_for(facts.image_shape),
    baseline=Baseline("convnet-3x64"),
    build="automl_cli.children.network:build",
    library="automl_cli.children.library:network",
)

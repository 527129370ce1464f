"""A network of stacked cells for one kind of image, scaled from a found cell and not trained yet."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from automl_cli.core.errors import ArtifactError, SpaceError
from automl_cli.core.trials import Costs
from automl_cli.kinds.architecture import costs
from automl_cli.kinds.cell import stacked
from automl_cli.plugins.kind import Kind, Measurable, Trainable, TrainingChoices, no_stack
from automl_cli.plugins.sheets import cost_facts
from automl_cli.store.artifact import Body, Schema
from automl_cli.store.consistency import must_equal
from automl_cli.values.cell import CellPair
from automl_cli.values.dataset import ImageFacts, reference_for
from automl_cli.values.drawn_cells import cell_drawings, stack_column
from automl_cli.values.network import Network, Shape
from automl_cli.values.sheet import Facts, Lines, Part
from automl_cli.values.skeleton import Stack, cell_network

Positive = Annotated[int, Meta(ge=1)]


def _check(body: "NetworkBody", place: str) -> None:
    """Raise ArtifactError unless words, width and costs are those that follow from cell, stack and images; this takes 0.1 s."""
    try:
        made = stacked_network(body.cell, body.stack, target=body.target, image_shape=body.image_shape, classes=body.classes)
    except SpaceError as error:
        raise ArtifactError(f"{place}: body: {error}") from error
    for field in body.__struct_fields__:
        must_equal(f"{place}: body.{field}", getattr(body, field), getattr(made, field))


class NetworkBody(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pair of cells and the way they are stacked.

    `width` are the channels that the last cell puts out: P of `N@P`. `target` is the data set it is meant for, by name.
    `parameters` and `multiply_adds` are exact, for one image of `image_shape` and so many classes, without auxiliary head.
    """

    SCHEMA: ClassVar[Schema] = Schema("network", check=_check)

    cell: CellPair
    words: tuple[str, ...]
    stack: Stack
    width: Positive
    target: str
    image_shape: Shape
    classes: Positive
    parameters: Positive
    multiply_adds: Positive

    @property
    def network(self) -> Network:
        """The graph of its blocks."""
        return cell_network(self.cell, self.stack, self.image_shape)

    @property
    def facts(self) -> ImageFacts:
        """The images that it was made for, as far as they are known."""
        return ImageFacts(
            image_shape=self.image_shape,
            classes=tuple(map(str, range(self.classes))),
            train_examples=0,
            validation_examples=0,
            test_examples=0,
            flip=False,
        )


def stacked_network(cell: CellPair, stack: Stack, *, target: str, image_shape: Shape, classes: int) -> NetworkBody:
    """Return the network of this stack, with its size counted."""
    counted = cell_network(cell, stack, image_shape).costs(image_shape, classes)
    return NetworkBody(
        cell=cell,
        words=cell.equations(),
        stack=stack,
        width=stack.width(cell),
        target=target,
        image_shape=image_shape,
        classes=classes,
        parameters=counted.parameters,
        multiply_adds=counted.multiply_adds,
    )


def sheet(body: NetworkBody, place: str) -> Iterator[Part]:
    """Yield how the network is stacked, for which images, what it costs, and its cells."""
    stack = body.stack
    counted = Costs(parameters=body.parameters, multiply_adds=body.multiply_adds)
    yield Facts(
        (
            ("stack", f"{stack.skeleton}, N = {stack.repeats}, F = {stack.filters}, width {body.width}"),
            ("for", f"{body.target}, {body.classes} classes; nothing is trained"),
            *cost_facts(counted, body.image_shape),
        )
    )
    yield Lines("\n".join(body.words))


def trainable(body: NetworkBody, place: str, choices: TrainingChoices) -> Trainable:
    """Return how the network is trained: unchanged, on the images that it was scaled for."""
    no_stack(choices)
    return stacked(body.cell, reference_for(body.target, body.image_shape), lambda image: body.stack, choices.preset)


def measurable(body: NetworkBody, place: str) -> Measurable:
    """Return what is counted: the network unchanged, for other images too."""

    def count(facts: Any, choices: TrainingChoices) -> tuple[Costs, dict[str, Any]]:
        counted = costs(cell_network(body.cell, body.stack, facts.image_shape), facts)
        return counted, {"stack": body.stack, "width": body.width}

    return Measurable(facts=body.facts, count=count)


KIND = Kind(
    name="network",
    body=NetworkBody,
    role="network",
    flag="network",
    sheet=sheet,
    drawing=lambda body: (stack_column(body.stack), *cell_drawings(body.cell)),
    trainable=trainable,
    measurable=measurable,
    library="automl_cli.children.library:scaled",
)

"""Counts what a found or published network costs, without building it."""

from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.references import Opened, open_any
from automl_cli.store.bodies import Architecture, Model
from automl_cli.store.cells import Cell, StackedNetwork
from automl_cli.training.target import cell_pair_of, target_of
from automl_cli.values.cell import CellPair
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.network import Network, Shape
from automl_cli.values.skeleton import Stack, cell_network, default_stack, parse_stack


class Measured(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Trainable parameters, and multiply-adds for one image, of a network for such images and so many classes.

    Of a stacked cell also how it is stacked, and the channels that its last cell puts out.
    """

    parameters: int
    multiply_adds: int
    image_shape: Shape
    classes: int
    stack: Stack | None = None
    width: int | None = None


class Subject(NamedTuple):
    """What an artifact holds: a network, or a cell that is stacked already or not; and the images it was made for, if any."""

    shape: Shape | None
    classes: int | None
    network: Network | None = None
    cell: CellPair | None = None
    stack: Stack | None = None


def measure(
    source: str | Path,
    *,
    image_size: int | None = None,
    classes: int | None = None,
    dataset: str | None = None,
    data_dir: str | None = None,
    stack: str | None = None,
    filters: int | None = None,
) -> Measured:
    """The exact costs of the network in an artifact, or of the cell in it, stacked as `N@P`.

    Images and classes are what the artifact was made with, or those of a data set, which may be a famous one that is not here;
    `image_size` and `classes` replace either.
    """
    opened = open_any(str(source))
    subject = _subject(opened)
    if (subject.cell is None or subject.stack is not None) and not (stack is None and filters is None):
        raise UserError(f"{opened.place} holds a whole network; --stack and --filters are for cells")
    shape, count = subject.shape, subject.classes
    if dataset is not None:
        facts = target_of(DatasetReference(source=dataset, data_dir=data_dir, image_size=image_size)).facts
        shape, count = facts.image_shape, len(facts.classes)
    elif image_size is not None:
        shape = (image_size, image_size, shape[2] if shape else 3)
    if shape is None or (count := classes or count) is None:
        raise UserError(
            f"{opened.place} does not say for which images and classes it was made; give --dataset, or --image-size and "
            "--classes"
        )
    if subject.cell is None:
        assert subject.network is not None
        return _counted(subject.network, shape, count)
    chosen = subject.stack or parse_stack(
        default_stack(shape) if stack is None else stack, subject.cell, shape, filters=filters
    )
    return _counted(cell_network(subject.cell, chosen, shape), shape, count, stack=chosen, width=chosen.width(subject.cell))


def _subject(opened: Opened[Any]) -> Subject:
    match opened.artifact.body:
        case Architecture() as body:
            return Subject(body.image_shape, body.classes, network=body.network)
        case Model() as body:
            return Subject(body.image_shape, len(body.class_names), network=body.network)
        case StackedNetwork() as body:
            return Subject(body.image_shape, body.classes, cell=body.cell, stack=body.stack)
        case Cell() as body:
            shape, classes = (None, None) if body.found is None else (body.found.image_shape, body.found.classes)
            return Subject(shape, classes, cell=cell_pair_of(body, opened.place))
    raise ArtifactError(f"{opened.place}: {opened.artifact.schema} holds no network; give an architecture, a cell or a model")


def _counted(network: Network, shape: Shape, classes: int, *, stack: Stack | None = None, width: int | None = None) -> Measured:
    costs = network.costs(shape, classes)
    return Measured(
        parameters=costs.parameters,
        multiply_adds=costs.multiply_adds,
        image_shape=shape,
        classes=classes,
        stack=stack,
        width=width,
    )

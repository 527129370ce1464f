"""Scales a cell to a data set, which may be absent: its images and classes are all that is needed, and known of famous sets."""

from msgspec import Struct

from automl_cli.core.cells import CellPair
from automl_cli.core.datasets import DatasetReference, ImageFacts
from automl_cli.core.edge_cells import EdgeCell
from automl_cli.core.errors import ArtifactError, DataError
from automl_cli.core.stacks import default_stack, parse_stack
from automl_cli.store.cells import Cell, StackedNetwork, stacked_network


class Target(Struct, frozen=True):
    """A data set that a network is meant for. `problem` says why it cannot be read here, if it cannot."""

    dataset: DatasetReference
    facts: ImageFacts
    problem: str | None = None


def target_of(dataset: DatasetReference) -> Target:
    """The facts of the data set, as published where it is famous and not here. DataError where nothing is known of it."""
    from automl_cli.data import image_facts
    from automl_cli.estimates import published_facts

    try:
        return Target(dataset, image_facts(dataset))
    except DataError as error:
        if (published := published_facts(dataset)) is None:
            raise
        return Target(dataset, published, str(error))


def scaled(cell: CellPair, target: Target, *, stack: str | None = None, filters: int | None = None) -> StackedNetwork:
    """The cell stacked for the images of the target: `N@P`, by default what the paper builds for images of this size."""
    image = target.facts.image_shape
    chosen = parse_stack(stack or default_stack(image), cell, image, filters=filters)
    return stacked_network(cell, chosen, target=target.dataset.source, image_shape=image, classes=len(target.facts.classes))


def cell_pair_of(body: Cell, place: str) -> CellPair:
    """The two cells of an artifact, which must be of the kind that can be stacked."""
    if isinstance(body.cell, EdgeCell):
        raise ArtifactError(
            f"{place}: body.cell: an edge cell of a tabular benchmark cannot be stacked; give one of space nasnet"
        )
    return body.cell

"""What stands in the body of a cell artifact, and of the network that a cell is scaled to."""

from msgspec import Struct

from automl_cli.core.decisions import Choice, Genotype
from automl_cli.core.errors import ArtifactError, SpaceError
from automl_cli.core.plugins import SpaceReference
from automl_cli.core.trials import Costs
from automl_cli.store.agreement import must_equal
from automl_cli.store.bodies import Count, Positive, Retraining, Seed
from automl_cli.values.cell import CellPair
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.edge_cell import EdgeCell
from automl_cli.values.network import Network, Shape
from automl_cli.values.recipe import Recipe
from automl_cli.values.skeleton import Stack, cell_network


class Found(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a search found a cell, and how well its child did.

    `validation_scores` has one score per epoch; `validation_score` is the maximum over the last min(5, epochs) of them, and
    `reward` that score to the power `reward_exponent`. `costs` are those of the child. `dataset` carries no path of the machine
    that searched.
    """

    space: SpaceReference
    genotype: Genotype
    choices: dict[str, Choice]
    image_shape: Shape | None
    classes: Positive | None
    costs: Costs | None
    trial: Count
    validation_scores: tuple[float, ...]
    validation_score: float
    reward: float
    reward_exponent: float
    dataset: DatasetReference | None
    epochs: Positive
    recipe: Recipe | None
    strategy: str
    seed: Seed
    retraining: Retraining | None = None


class Cell(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cell, in words too. `found` is None for a published one."""

    cell: CellPair | EdgeCell
    words: tuple[str, ...]
    found: Found | None = None


class StackedNetwork(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network of stacked cells for one kind of image. Nothing is trained.

    `width` are the channels that the last cell puts out: P of `N@P`. `target` is the data set it is meant for, by name.
    `parameters` and `multiply_adds` are exact, for one image of `image_shape` and so many classes, without auxiliary head.
    """

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


def stacked_network(cell: CellPair, stack: Stack, *, target: str, image_shape: Shape, classes: int) -> StackedNetwork:
    """The network of this stack, its size counted."""
    costs = cell_network(cell, stack, image_shape).costs(image_shape, classes)
    return StackedNetwork(
        cell=cell,
        words=cell.equations(),
        stack=stack,
        width=stack.width(cell),
        target=target,
        image_shape=image_shape,
        classes=classes,
        parameters=costs.parameters,
        multiply_adds=costs.multiply_adds,
    )


def check_stacked_network(body: StackedNetwork, place: str) -> None:
    """ArtifactError unless everything that follows from cell, stack and images is what follows from them; counted in 0.1 s."""
    try:
        made = stacked_network(body.cell, body.stack, target=body.target, image_shape=body.image_shape, classes=body.classes)
    except SpaceError as error:
        raise ArtifactError(f"{place}: body: {error}") from error
    for field in body.__struct_fields__:
        must_equal(f"{place}: body.{field}", getattr(body, field), getattr(made, field))

"""A normal and a reduction cell, found or published. A network is stacked from them."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from automl_cli.core.spaces import Baseline
from automl_cli.core.trials import Costs
from automl_cli.kinds.architecture import costs
from automl_cli.plugins.kind import Kind, Measurable, Trainable, TrainedAs, TrainingChoices
from automl_cli.plugins.roles import found_roles, network_filling
from automl_cli.plugins.trainables import published_training
from automl_cli.store.artifact import Schema
from automl_cli.store.encoding import plain
from automl_cli.store.study import Found, FoundBody
from automl_cli.values.cell import Branch, Cell, CellPair, Combination
from automl_cli.values.dataset import IMAGES, DatasetReference, dataset_of, facts_of
from automl_cli.values.drawn_cells import cell_drawings
from automl_cli.values.published_recipes import trainings_for
from automl_cli.values.sheet import Lines, Part
from automl_cli.values.skeleton import SMALL_IMAGES, Stack, cell_network, default_stack, fitted_stack, parse_stack
from automl_cli.values.skeleton import stack as stack_of


class CellBody(FoundBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pair of cells."""

    SCHEMA: ClassVar[Schema] = Schema("cell")

    value: CellPair


def sheet(body: CellBody, place: str) -> Iterator[Part]:
    """Yield the cells as text, one equation per state."""
    yield Lines("\n".join(body.words))


def trainable(body: CellBody, place: str, choices: TrainingChoices) -> Trainable:
    """Return how the cells are trained: stacked as asked or else as published, by the recipe of the published networks."""
    dataset = dataset_of(body.found.child) if body.found is not None else None
    return stacked(
        body.value,
        searched_on(dataset),
        lambda image: stack_for(body.value, image, choices),
        choices.preset,
        chosen=found_roles(body.found),
    )


def searched_on(dataset: DatasetReference | None) -> DatasetReference:
    """Return the data set of a search with all its training examples; the search itself may have used a part of them."""
    return DatasetReference(source="digits") if dataset is None else _whole(dataset)


def _whole(dataset: DatasetReference) -> DatasetReference:
    import msgspec

    return msgspec.structs.replace(dataset, train_examples=None, folds=1)


def stacked(
    pair: CellPair,
    dataset: DatasetReference,
    stack: Callable[[Any], Stack],
    preset: str | None,
    *,
    chosen: dict[str, Any] | None = None,
) -> Trainable:
    """Return how a stack of cells is trained. `stack` chooses it by image shape; `chosen` roles replace those of the published
    training."""

    def training(facts: Any) -> TrainedAs:
        image = facts.image_shape
        known = trainings_for(image, width=stack(image).width(pair))
        return published_training("a stack of cells", known, preset, chosen or {})

    return Trainable(
        problem=IMAGES,
        dataset=plain(dataset),
        training=training,
        place=lambda facts: network_filling(cell_network(pair, stack(facts.image_shape), facts.image_shape)),
    )


def measurable(body: CellBody, place: str) -> Measurable:
    """Return what is counted: the cells stacked as asked, or as published for such images."""
    facts = facts_of(body.found.child) if body.found is not None else None
    return Measurable(facts=facts, count=lambda facts, choices: _counted(body.value, facts, choices), stackable=True)


def _counted(pair: CellPair, facts: Any, choices: TrainingChoices) -> tuple[Costs, dict[str, Any]]:
    stack = stack_for(pair, facts.image_shape, choices)
    return costs(cell_network(pair, stack, facts.image_shape), facts), {"stack": stack, "width": stack.width(pair)}


def stack_for(pair: CellPair, image: Any, choices: TrainingChoices) -> Stack:
    """Return how the cells are stacked for images of a shape: as asked, or as published for such images."""
    if choices.stack is None:
        return fitted_stack(default_stack(image), pair, image, filters=choices.filters)
    return parse_stack(choices.stack, pair, image, filters=choices.filters)


def small_stack(body: CellBody) -> str | None:
    """Return the stack that the search measured the cells in, as `N@P`, for images that are far too small for the published
    one."""
    found: Found | None = body.found
    if found is None or ((facts := facts_of(found.child)) is not None and facts.image_shape[0] >= SMALL_IMAGES):
        return None
    repeats, filters = (found.space.options.get(name) for name in ("repeats", "filters"))
    if not (isinstance(repeats, int) and isinstance(filters, int)):
        return None
    return stack_of("cifar", repeats=repeats, filters=filters).written(body.value)


def _by_hand(last: str) -> Cell:
    """Return two separable convolutions in a row, the first beside an operation and the second beside an identity."""
    first = Combination(Branch(0, "sep-3x3"), Branch(0, last))
    return Cell((first, Combination(Branch(2, "sep-3x3"), Branch(2, "identity"))), (3,))


BY_HAND = CellPair(_by_hand("identity"), _by_hand("max-3x3"))
"""A residual cell, and one that halves the map."""

KIND = Kind(
    name="cell",
    value=CellPair,
    body=CellBody,
    role="network",
    baseline=Baseline("of two separable convolutions with identities", BY_HAND),
    stands_as="architecture",
    flag="cell",
    words=lambda cells: cells.equations(),
    sheet=sheet,
    drawing=cell_drawings,
    trainable=trainable,
    measurable=measurable,
    library="automl_cli.children.library:stacked",
    train_flags=lambda body: () if (stack := small_stack(body)) is None else ("--stack", stack),
)

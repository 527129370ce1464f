"""Plan the transfer of a search's winner to another data set, before the search starts: `search-cell --transfer`."""

from automl_cli.core.errors import DataError, UserError
from automl_cli.core.numbers import by_times
from automl_cli.core.spaces import SearchSpace
from automl_cli.data import check_source, has_pictures, image_facts
from automl_cli.data.paths import expanded
from automl_cli.data.target import target_of
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.transfer_flags import TRANSFER
from automl_cli.plugins.roles import by_names, value_of
from automl_cli.references import filled_by_flags
from automl_cli.store.study import StudySettings, TransferSettings
from automl_cli.values.cell import Branch, Cell, CellPair, Combination, unused_states
from automl_cli.values.child import Filling
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.published_recipes import FinalTraining, trainings_for
from automl_cli.values.skeleton import cell_network, default_stack, fitted_stack


def plan_transfer(request: SearchRequest, space: SearchSpace, preset: str) -> TransferSettings | None:
    """Return the settings of the transfer, or None without one. Raises UserError for a transfer that could not be done."""
    if request.transfer is None:
        if said := [row.name for row in TRANSFER if row.name in request.given()]:
            raise UserError(f"--{said[0]} is about the transfer; give --transfer TARGET with it")
        return None
    dataset = DatasetReference(
        source=request.transfer,
        data_dir=None if request.data_dir is None else str(expanded(request.data_dir).resolve()),
        image_size=request.transfer_image_size,
    )
    try:
        target = target_of(dataset)
        image = target.facts.image_shape
        trainings = trainings_for(image)
        chosen = preset if preset in trainings else "quick"
        filled = filled_by_flags(request, open_role=None)
        roles = filled if target.problem or "augmentation" in filled else filled | _augmented(target.dataset, trainings[chosen])
    except DataError as error:
        raise DataError(f"--transfer: {error}".replace("--image-size", "--transfer-image-size")) from error
    transfer = TransferSettings(
        dataset=target.dataset,
        image_shape=image,
        classes=len(target.facts.classes),
        stack=default_stack(image) if request.stack is None else request.stack,
        filters=request.filters,
        preset=chosen,
        epochs=request.transfer_epochs or trainings[chosen].epochs,
        problem=target.problem,
        roles=roles,
    )
    _check_fits(transfer, space)
    return transfer


def _augmented(dataset: DatasetReference, training: FinalTraining) -> dict[str, Filling]:
    """Return the role of the augmentation where the published one needs pictures and the data are arrays; else nothing.

    Raises DataError for what is too large to be prepared as arrays.
    """
    crops = value_of(by_names({"augmentation": training.augmentation})["augmentation"]).streamed
    streamed = crops and has_pictures(dataset)
    check_source(dataset, streamed=streamed)
    return {} if streamed == crops else by_names({"augmentation": "standard"})


def check_transfer(settings: StudySettings) -> None:
    """Raise DataError where the data of the transfer have changed since the search was started."""
    transfer = settings.transfer
    if transfer is None or transfer.problem is not None:
        return
    facts = image_facts(transfer.dataset)
    if (facts.image_shape, len(facts.classes)) != (transfer.image_shape, transfer.classes):
        raise DataError(
            f"--transfer: {transfer.dataset.source} has changed since the search was started: {by_times(facts.image_shape)}, "
            f"{len(facts.classes)} classes, not {by_times(transfer.image_shape)}, {transfer.classes} classes"
        )


def _check_fits(transfer: TransferSettings, space: SearchSpace) -> None:
    """Raise UserError for a stack that does not fit every cell that the search may find."""
    found = space.decode(space.sample(0, 0))
    if not isinstance(found, CellPair):
        raise UserError(
            f"--transfer scales pairs of cells, such as those of space nasnet; space {space.plugin.name!r} finds none"
        )
    widest = _widest(found)
    stack = fitted_stack(transfer.stack, widest, transfer.image_shape, filters=transfer.filters)
    try:
        cell_network(widest, stack, transfer.image_shape).shapes(transfer.image_shape)
    except UserError as error:
        raise UserError(f"--stack {transfer.stack} does not fit images of {by_times(transfer.image_shape)}: {error}") from error


def _widest(pair: CellPair) -> CellPair:
    """Return cells with as many combinations and the most outputs possible: every branch reads h0."""
    branch = Branch(0, "identity")
    combinations = tuple(Combination(branch, branch) for _ in pair.normal.combinations)
    cell = Cell(combinations, unused_states(combinations))
    return CellPair(cell, cell, pair.bottleneck)

"""The winner of a search scaled to the data set it is meant for, and trained there if that is here: `search-cell --transfer`.

In the run directory stand then `network.json`, the scaled winner, and, where the data are here, `transfer/`: a training like
any other, which `automl train --resume` takes up as well. Which of the two will happen is settled before the search starts.
"""

import shlex
from pathlib import Path
from typing import Literal

from automl_cli.core.errors import ArtifactError, DataError, UserError
from automl_cli.core.numbers import by_times
from automl_cli.core.plugins import SearchSpace
from automl_cli.data import check_source, has_pictures, image_facts
from automl_cli.data.places import expanded
from automl_cli.planning.request import SearchRequest
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.bodies import Model, StudySettings, Training, TransferSettings
from automl_cli.store.cells import Cell, StackedNetwork, stacked_network
from automl_cli.store.files import file_digest
from automl_cli.store.reports import State, TransferSummary
from automl_cli.store.run_directory import TRAINING, TRANSFER, create_run
from automl_cli.training.settings import TrainingRequest, new_training, resume_command
from automl_cli.training.target import cell_pair_of, target_of
from automl_cli.values.cell import Branch, CellPair, Combination, unused_states
from automl_cli.values.cell import Cell as CellValue
from automl_cli.values.dataset import DatasetReference
from automl_cli.values.published_recipes import trainings_for
from automl_cli.values.recipe import Recipe
from automl_cli.values.skeleton import cell_network, default_stack, parse_stack

NETWORK = "network.json"

NEEDING_TRANSFER = ("transfer_image_size", "transfer_epochs", "stack", "filters")
"""Flags that say something of the transfer."""


def plan_transfer(request: SearchRequest, space: SearchSpace, preset: str) -> TransferSettings | None:
    """What becomes of the winner, if it is to be scaled. Raises UserError for whatever could not be done after the search."""
    if request.transfer is None:
        if said := [name for name in NEEDING_TRANSFER if getattr(request, name) is not None]:
            raise UserError(f"--{said[0].replace('_', '-')} is about the transfer; give --transfer TARGET with it")
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
        augmentation = None if target.problem else _augmentation(target.dataset, trainings[chosen].recipe)
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
        augmentation=augmentation,
    )
    _check_fits(transfer, space)
    return transfer


def _augmentation(dataset: DatasetReference, recipe: Recipe) -> Literal["standard"] | None:
    """What takes the place of the recipe's augmentation where it crops pictures and the data are arrays; else None.

    Raises DataError for what is too large to be prepared as arrays.
    """
    streamed = recipe.streamed and has_pictures(dataset)
    check_source(dataset, streamed=streamed)
    return None if streamed == recipe.streamed else "standard"


def check_transfer(settings: StudySettings) -> None:
    """Raises DataError where the winner of a resumed search is to be trained on data that are no longer here as they were."""
    transfer = settings.transfer
    if transfer is None or transfer.problem is not None:
        return
    facts = image_facts(transfer.dataset)
    if (facts.image_shape, len(facts.classes)) != (transfer.image_shape, transfer.classes):
        raise DataError(
            f"--transfer: {transfer.dataset.source} has changed since the search was started: {by_times(facts.image_shape)}, "
            f"{len(facts.classes)} classes, not {by_times(transfer.image_shape)}, {transfer.classes} classes"
        )


def scale_winner(run: Path, settings: StudySettings) -> None:
    """Write `network.json`: the same bytes for the same winner."""
    transfer = settings.transfer
    assert transfer is not None
    best = run / "best.json"
    pair = cell_pair_of(read_artifact(best, Cell).body, str(best))
    network = stacked_network(
        pair,
        parse_stack(transfer.stack, pair, transfer.image_shape, filters=transfer.filters),
        target=transfer.dataset.source,
        image_shape=transfer.image_shape,
        classes=transfer.classes,
    )
    write_artifact(run / NETWORK, artifact_of(network, {"cell": file_digest(best)}))


def prepare_training(run: Path, settings: StudySettings) -> Path:
    """The directory of the scaled winner's training: as it is, or a new one where there is none, or one of another winner."""
    directory, network = run / TRANSFER, run / NETWORK
    if _trains(directory / TRAINING.settings, file_digest(network)):
        return directory
    assert settings.transfer is not None
    training = new_training(read_artifact(network, StackedNetwork).body, training_request(settings.transfer, settings.seed))
    inputs = {"network": file_digest(network)}
    create_run(directory, artifact_of(training, inputs), overwrite=directory.exists(), layout=TRAINING).close()
    return directory


def transfer_of(run: Path, settings: StudySettings) -> TransferSummary | None:
    """How far the transfer of this run is, from its files; None where there is none."""
    if (transfer := settings.transfer) is None:
        return None
    network, model = _network(run), _model(run)
    state = _state(transfer, network, model)
    return TransferSummary(
        target=transfer.dataset.source,
        image_shape=transfer.image_shape,
        classes=transfer.classes,
        stack=transfer.stack,
        filters=None if network is None else network.stack.filters,
        parameters=None if network is None else network.parameters,
        multiply_adds=None if network is None else network.multiply_adds,
        state=state,
        problem=transfer.problem,
        command=_command(run, settings, state),
        network=None if network is None else str(run / NETWORK),
        model=None if model is None else str(run / TRANSFER / "model.json"),
        epochs=transfer.epochs,
        test_accuracy=None if model is None else model.test_accuracy,
        test_top5_accuracy=None if model is None else model.test_top5_accuracy,
    )


def train_command(run: Path, transfer: TransferSettings, seed: int) -> str:
    """What trains the scaled winner, where its data are, as it would be trained here; as it is typed."""
    parts = ["automl", "train", "--network", str(run / NETWORK)]
    if transfer.preset != "quick":
        parts += ["--preset", transfer.preset]
    if transfer.epochs != trainings_for(transfer.image_shape)[transfer.preset].epochs:
        parts += ["--epochs", str(transfer.epochs)]
    if seed:
        parts += ["--seed", str(seed)]
    if transfer.dataset.data_dir is not None:
        parts += ["--data-dir", transfer.dataset.data_dir]
    return shlex.join(parts)


def _state(transfer: TransferSettings, network: StackedNetwork | None, model: Model | None) -> State:
    if network is None:
        return "planned"
    if transfer.problem is not None:
        return "written"
    return "training" if model is None else "trained"


def _command(run: Path, settings: StudySettings, state: State) -> str | None:
    if state == "written":
        assert settings.transfer is not None
        return train_command(run, settings.transfer, settings.seed)
    return resume_command(run / TRANSFER) if state == "training" else None


def training_request(transfer: TransferSettings, seed: int) -> TrainingRequest:
    """What is asked of the training of the scaled winner."""
    return TrainingRequest(
        data_dir=transfer.dataset.data_dir,
        preset=transfer.preset,
        epochs=transfer.epochs,
        seed=seed,
        augmentation=transfer.augmentation,
    )


def _network(run: Path) -> StackedNetwork | None:
    """The scaled winner, unless there is none yet, or only that of an earlier winner."""
    if not (run / NETWORK).is_file() or not (run / "best.json").is_file():
        return None
    try:
        artifact = read_artifact(run / NETWORK, StackedNetwork)
    except ArtifactError as error:
        raise ArtifactError(f"{error}; remove it, and the search writes it again when it is resumed") from error
    return artifact.body if artifact.inputs.get("cell") == file_digest(run / "best.json") else None


def _model(run: Path) -> Model | None:
    """The trained model of the scaled winner, if there is one already."""
    file = run / TRANSFER / "model.json"
    if not (file.is_file() and (run / NETWORK).is_file()):
        return None
    trained = _trains(run / TRANSFER / TRAINING.settings, file_digest(run / NETWORK))
    return read_artifact(file, Model).body if trained else None


def _trains(settings: Path, network: str) -> bool:
    """Whether these are the settings of a training of the network with this digest."""
    return settings.is_file() and read_artifact(settings, Training).inputs.get("network") == network


def _check_fits(transfer: TransferSettings, space: SearchSpace) -> None:
    """Raises UserError unless whatever the search may find can be stacked so."""
    found = space.decode(space.sample(0, 0))
    if not isinstance(found, CellPair):
        raise UserError(
            f"--transfer scales pairs of cells, such as those of space nasnet; space {space.plugin.name!r} finds none"
        )
    widest = _widest(found)
    stack = parse_stack(transfer.stack, widest, transfer.image_shape, filters=transfer.filters)
    try:
        cell_network(widest, stack, transfer.image_shape).shapes(transfer.image_shape)
    except UserError as error:
        raise UserError(f"--stack {transfer.stack} does not fit images of {by_times(transfer.image_shape)}: {error}") from error


def _widest(pair: CellPair) -> CellPair:
    """Cells of as many combinations whose outputs are as many as they can be: each reads h0 only."""
    branch = Branch(0, "identity")
    combinations = tuple(Combination(branch, branch) for _ in pair.normal.combinations)
    cell = CellValue(combinations, unused_states(combinations))
    return CellPair(cell, cell, pair.bottleneck)

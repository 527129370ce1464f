"""Scales the winner of a search to another data set, and trains it there if the data are here: `search-cell --transfer`.

In the run directory stand then `network.json`, the scaled winner, and, where the data are here, `transfer/`: a training like
any other, which `automl train --resume` takes up as well. Which of the two will happen is settled before the search starts.
"""

from pathlib import Path

import msgspec

from automl_cli.core.errors import ArtifactError
from automl_cli.core.shell_commands import command_line
from automl_cli.kinds.cell import CellBody
from automl_cli.kinds.model import ModelBody
from automl_cli.kinds.network import NetworkBody, stacked_network
from automl_cli.kinds.training import TrainingSettings
from automl_cli.references import role_flags
from automl_cli.store.artifact import artifact_of, read_artifact, write_artifact
from automl_cli.store.file_names import BEST_FILE, MODEL_FILE, NETWORK_FILE, TRANSFER
from automl_cli.store.files import file_digest
from automl_cli.store.reports import State, TransferSummary
from automl_cli.store.run_directory import create_run
from automl_cli.store.run_layout import TRAINING
from automl_cli.store.study import StudySettings, TransferSettings
from automl_cli.training.directory import resume_training_command
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import new_training
from automl_cli.values.published_recipes import trainings_for
from automl_cli.values.skeleton import fitted_stack


def scale_winner(run: Path, settings: StudySettings) -> None:
    """Write `network.json`: the same bytes for the same winner."""
    transfer = settings.transfer
    assert transfer is not None
    best = run / BEST_FILE
    pair = read_artifact(best, CellBody).body.value
    network = stacked_network(
        pair,
        fitted_stack(transfer.stack, pair, transfer.image_shape, filters=transfer.filters),
        target=transfer.dataset.source,
        image_shape=transfer.image_shape,
        classes=transfer.classes,
    )
    write_artifact(run / NETWORK_FILE, artifact_of(network, {"cell": file_digest(best)}))


def prepare_training(run: Path, settings: StudySettings) -> Path:
    """Return the directory of the scaled winner's training, made anew where there is none or where it is of another winner."""
    directory, network = run / TRANSFER, run / NETWORK_FILE
    if _trains(directory / TRAINING.settings, file_digest(network)):
        return directory
    assert settings.transfer is not None
    request = training_request(settings.transfer, settings.seed)
    body = read_artifact(network, NetworkBody).body
    training = new_training(body, str(network), request, roles=settings.transfer.roles)
    training = msgspec.structs.replace(training, timings=settings.timings)
    inputs = {"network": file_digest(network), **training.child.inputs}
    create_run(directory, artifact_of(training, inputs), overwrite=directory.exists(), layout=TRAINING).close()
    return directory


def transfer_of(run: Path, settings: StudySettings) -> TransferSummary | None:
    """Return the state of the transfer of this run, read from its files; None where there is no transfer."""
    if (transfer := settings.transfer) is None:
        return None
    network, model = _network(run), _model(run)
    state = _state(transfer, network, model)
    return TransferSummary(
        target=transfer.dataset.source,
        image_shape=transfer.image_shape,
        classes=transfer.classes,
        stack=transfer.stack if network is None else network.stack.written(network.cell),
        filters=None if network is None else network.stack.filters,
        parameters=None if network is None else network.parameters,
        multiply_adds=None if network is None else network.multiply_adds,
        state=state,
        problem=transfer.problem,
        command=_command(run, settings, state),
        network=None if network is None else str(run / NETWORK_FILE),
        model=None if model is None else str(run / TRANSFER / MODEL_FILE),
        epochs=transfer.epochs,
        test_accuracy=None if model is None else model.scores["test_accuracy"],
        test_top5_accuracy=None if model is None else model.scores.get("test_top5_accuracy"),
    )


def train_scaled_command(run: Path, transfer: TransferSettings, seed: int) -> str:
    """Return the command line that trains the scaled winner on a machine with the data, as it would be trained here.

    An artifact that fills a role stands there as ROLE.json: where it lies is not on record.
    """
    parts: list[object] = []
    if transfer.preset != "quick":
        parts += ["--preset", transfer.preset]
    if transfer.epochs != trainings_for(transfer.image_shape)[transfer.preset].epochs:
        parts += ["--epochs", transfer.epochs]
    if seed:
        parts += ["--seed", seed]
    meant = msgspec.structs.asdict(trainings_for(transfer.image_shape)[transfer.preset])
    for flag, role in role_flags().items():
        filling = transfer.roles.get(role)
        if filling is not None and filling.name != meant[role]:
            parts += [f"--{flag}", filling.name or f"{role.upper()}.json"]
    if transfer.dataset.data_dir is not None:
        parts += ["--data-dir", transfer.dataset.data_dir]
    return command_line("train", "--network", run / NETWORK_FILE, *parts)


def _state(transfer: TransferSettings, network: NetworkBody | None, model: ModelBody | None) -> State:
    if network is None:
        return "planned"
    if transfer.problem is not None:
        return "written"
    return "training" if model is None else "trained"


def _command(run: Path, settings: StudySettings, state: State) -> str | None:
    if state == "written":
        assert settings.transfer is not None
        return train_scaled_command(run, settings.transfer, settings.seed)
    return resume_training_command(run / TRANSFER) if state == "training" else None


def training_request(transfer: TransferSettings, seed: int) -> TrainingRequest:
    """Return the request for the training of the scaled winner."""
    return TrainingRequest(
        data_dir=transfer.dataset.data_dir,
        preset=transfer.preset,
        epochs=transfer.epochs,
        seed=seed,
    )


def _network(run: Path) -> NetworkBody | None:
    """Return the scaled winner, or None where there is none yet, or only that of an earlier winner."""
    if not (run / NETWORK_FILE).is_file() or not (run / BEST_FILE).is_file():
        return None
    try:
        artifact = read_artifact(run / NETWORK_FILE, NetworkBody)
    except ArtifactError as error:
        raise ArtifactError(f"{error}; remove it, and the search writes it again when it is resumed") from error
    return artifact.body if artifact.inputs.get("cell") == file_digest(run / BEST_FILE) else None


def _model(run: Path) -> ModelBody | None:
    """Return the trained model of the scaled winner, or None while there is none."""
    file = run / TRANSFER / MODEL_FILE
    if not (file.is_file() and (run / NETWORK_FILE).is_file()):
        return None
    trained = _trains(run / TRANSFER / TRAINING.settings, file_digest(run / NETWORK_FILE))
    return read_artifact(file, ModelBody).body if trained else None


def _trains(settings: Path, network: str) -> bool:
    """Return whether these are the settings of a training of the network with this digest."""
    return settings.is_file() and read_artifact(settings, TrainingSettings).inputs.get("network") == network

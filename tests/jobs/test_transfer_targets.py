"""What a cell is scaled to and what the scaled network is trained on: the same images, whatever their size and kind."""

from pathlib import Path

import numpy as np
import pytest

from automl_cli.core.errors import DataError
from automl_cli.core.spaces import SearchSpace
from automl_cli.data import image_facts
from automl_cli.jobs.transfer import train_scaled_command, training_request
from automl_cli.kinds.network import NetworkBody, stacked_network
from automl_cli.kinds.training import TrainingSettings
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.transfer import plan_transfer
from automl_cli.plugins.roles import typed_facts, value_of
from automl_cli.references import open_any
from automl_cli.store.study import TransferSettings
from automl_cli.training.request import TrainingRequest
from automl_cli.training.settings import new_training
from automl_cli.values.dataset import SIZE_LIMITS, reference_for
from automl_cli.values.network import Network
from automl_cli.values.published_recipes import TRAININGS
from automl_cli.values.skeleton import parse_stack
from search_spaces.nasnet import SPACE
from tests.data.conftest import encoded


def folder_of(root: Path, height: int, width: int) -> Path:
    """Two classes of 20 pictures each."""
    picture = encoded(np.full((height, width, 3), 90, np.uint8))
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(20):
            (root / name / f"{number}.png").write_bytes(picture)
    return root


def planned(target: object, **more) -> TransferSettings:
    found = plan_transfer(SearchRequest(transfer=str(target), stack="1@96", **more), SearchSpace(SPACE), "quick")
    assert found is not None
    return found


def scaled(transfer: TransferSettings) -> NetworkBody:
    """NASNet-A in the place of a winner."""
    pair = open_any("nasnet-a").artifact.body.value
    stack = parse_stack(transfer.stack, pair, transfer.image_shape)
    return stacked_network(
        pair, stack, target=transfer.dataset.source, image_shape=transfer.image_shape, classes=transfer.classes
    )


def trained(network: NetworkBody, transfer: TransferSettings | None = None, **request: int) -> TrainingSettings:
    """Settings for training it, as `automl train` or the transfer makes them."""
    if transfer is None:
        return new_training(network, "network.json", TrainingRequest(**request))
    return new_training(network, "network.json", training_request(transfer, seed=3), roles=transfer.roles)


def shape_of(training: TrainingSettings) -> tuple[int, int, int]:
    return typed_facts(training.child.problem).image_shape


def network_of(training: TrainingSettings) -> Network:
    return value_of(training.child.roles["network"])


def augmentation_of(training: TrainingSettings) -> str:
    return value_of(training.child.roles["augmentation"]).baseline


@pytest.mark.parametrize(
    ("size", "given", "shape"),
    [((24, 36), None, (24, 36, 3)), ((24, 36), 16, (16, 16, 3)), ((24, 24), None, (24, 24, 3))],
)
def test_a_scaled_network_is_trained_on_the_images_that_it_was_scaled_for(tmp_path, size, given, shape):
    network = scaled(planned(folder_of(tmp_path / "set", *size), transfer_image_size=given))
    training = trained(network)
    assert shape_of(training) == network.image_shape == shape
    assert network_of(training) == network.network


def test_images_beyond_the_sizes_that_can_be_asked_for_are_trained_on_as_they_are(tmp_path):
    side = SIZE_LIMITS[1] + 1
    network = scaled(planned(folder_of(tmp_path / "set", side, side)))
    assert network_of(trained(network)) == network.network


def test_pictures_of_several_sizes_are_brought_to_one_that_is_chosen(tmp_path):
    root = folder_of(tmp_path / "set", 24, 36)
    (root / "dog" / "7.png").write_bytes(encoded(np.full((25, 36, 3), 90, np.uint8)))
    assert planned(root).image_shape == (24, 24, 3)
    assert planned(root, transfer_image_size=16).image_shape == (16, 16, 3)


def test_a_reference_for_a_shape_reads_images_of_that_shape(tmp_path):
    root = folder_of(tmp_path / "set", 24, 36)
    for shape in ((24, 36, 3), (24, 24, 3)):
        assert image_facts(reference_for(str(root), shape)).image_shape == shape


def test_a_network_for_images_that_its_data_no_longer_have_is_refused(tmp_path):
    network = scaled(planned(folder_of(tmp_path / "set", 24, 36)))
    root = folder_of(tmp_path / "set", 30, 40)
    assert shape_of(trained(network)) == (24, 36, 3)
    for path in root.glob("*/*.png"):
        path.write_bytes(encoded(np.full((30, 40), 90, np.uint8)))
    with pytest.raises(DataError, match="are 24×36×1, the network was scaled for 24×36×3; give --image-size"):
        trained(network)
    assert shape_of(trained(network, image_size=24)) == (24, 24, 1)


def test_arrays_of_64_pixels_and_more_are_trained_on_by_the_same_recipe_without_its_crops_of_pictures():
    published = TRAININGS["mobile"]["quick"]
    transfer = planned("digits", transfer_image_size=64)
    training = trained(scaled(transfer), transfer)
    assert (published.augmentation, shape_of(training)) == ("inception", (64, 64, 1))
    assert (training.child.recipe, augmentation_of(training)) == (published.recipe, "standard")


def test_pictures_of_64_pixels_and_more_keep_the_augmentation_of_the_recipe(tmp_path):
    transfer = planned(folder_of(tmp_path / "set", 64, 64))
    assert augmentation_of(trained(scaled(transfer), transfer)) == "inception"


def test_the_printed_command_fills_the_roles_that_the_user_filled():
    transfer = planned("imagenet", activation="swish", optimizer="lion")
    command = train_scaled_command(Path("runs/a"), transfer, 0)
    assert command == "automl train --network runs/a/network.json --activation swish --optimizer lion"
    assert "--optimizer" not in train_scaled_command(Path("runs/a"), planned("imagenet"), 0)

"""Networks made by experts: the printed sizes, the shape of their maps, and the names that are refused."""

import re

import pytest

from automl_cli.core.errors import SpaceError, UserError
from automl_cli.values.expert_networks import EXPERT_NETWORKS, convnet, expert_network, resnet, wide_resnet
from automl_cli.values.network import IMAGE, Network
from automl_cli.values.operations import ConvolutionUnit, MaxPool, Subsampling

CIFAR = (32, 32, 3)


def network(name: str) -> Network:
    (found,) = [made for pattern in EXPERT_NETWORKS if (made := expert_network(pattern, name)) is not None]
    return found


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet-20", 269_722),
        ("resnet-110", 1_727_962),
        ("wrn-40-2", 2_243_546),
        ("wrn-28-10", 36_479_194),
        ("wrn-16-1", 175_066),
        ("wrn-40-8", 35_748_314),
        ("wrn-16-10", 17_116_634),
        ("convnet-2x32", (27 * 32 + 64) + (288 * 32 + 64) + 33 * 10),
    ],
)
def test_it_has_as_many_parameters_for_cifar_as_its_definition_gives(name: str, parameters: int) -> None:
    assert network(name).costs(CIFAR, 10).parameters == parameters


def test_a_name_is_made_of_the_numbers_that_its_network_is_made_of() -> None:
    assert network("resnet-32") == resnet(32)
    assert network("wrn-16-4") == wide_resnet(16, 4)
    assert network("convnet-3x8") == convnet(3, 8)


@pytest.mark.parametrize("name", ["resnet", "resnet-", "resnet-020", "resnet-20 ", "ResNet-20", "wrn-40", "convnet-2-32", "x"])
def test_another_name_is_none_of_them(name: str) -> None:
    assert all(expert_network(pattern, name) is None for pattern in EXPERT_NETWORKS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet-21", "there is no resnet-21: the depth must be 6n + 2, n from 1 to 200; give resnet-20 or resnet-26"),
        ("resnet-2", "there is no resnet-2: the depth must be 6n + 2, n from 1 to 200; give resnet-8"),
        ("resnet-9999", "there is no resnet-9999: the depth must be 6n + 2, n from 1 to 200; give resnet-1202"),
        ("wrn-20-10", "there is no wrn-20-10: the depth must be 6n + 4, n from 1 to 200; give wrn-16-10 or wrn-22-10"),
        ("wrn-16-0", "there is no wrn-16-0: the widening factor must be from 1 to 100"),
        ("convnet-0x32", "there is no convnet-0x32: the number of layers must be from 1 to 100"),
        ("convnet-2x0", "there is no convnet-2x0: the number of filters must be from 1 to 10,000"),
    ],
)
def test_numbers_that_name_no_network_are_refused_with_the_nearest_that_do(name: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        network(name)


@pytest.mark.parametrize("name", ["resnet-8", "wrn-10-2"])
@pytest.mark.parametrize(("image", "maps"), [(CIFAR, (32, 16, 8)), ((8, 8, 1), (8, 4, 2)), ((7, 7, 1), (7, 4, 2))])
def test_each_stage_halves_the_map_and_doubles_the_filters(
    name: str, image: tuple[int, int, int], maps: tuple[int, int, int]
) -> None:
    widening = 2 if name.startswith("wrn") else 1
    shapes = network(name).shapes(image)
    assert [shapes[f"stage{stage}.block1"] for stage in (1, 2, 3)] == [
        (size, size, filters * widening) for size, filters in zip(maps, (16, 32, 64), strict=True)
    ]


def test_convolutions_are_as_many_as_the_depth_says() -> None:
    """A ResNet counts its classifier, a Wide ResNet the shortcuts of its three stages."""

    def convolutions(made: Network) -> int:
        return sum(isinstance(block.operation, ConvolutionUnit) for block in made.blocks)

    assert convolutions(resnet(20)) + 1 == 20
    assert convolutions(wide_resnet(16, 4)) == 16


def test_only_blocks_that_change_the_shape_have_a_shortcut_of_their_own() -> None:
    def shortcuts(made: Network) -> list[str]:
        return [block.name for block in made.blocks if block.name.endswith(".shortcut")]

    second_and_third = ["stage2.block1.shortcut", "stage3.block1.shortcut"]
    assert shortcuts(resnet(20)) == shortcuts(wide_resnet(16, 1)) == second_and_third
    assert shortcuts(wide_resnet(16, 2)) == ["stage1.block1.shortcut", *second_and_third]


def test_the_child_of_neural_optimizer_search_has_two_convolutions_each_with_a_pool_behind_it() -> None:
    operations = [(block.operation, block.inputs) for block in convnet(2, 32).blocks]
    assert operations == [
        (ConvolutionUnit((3, 3), 32), (IMAGE,)),
        (MaxPool((2, 2), (2, 2)), ("conv1",)),
        (ConvolutionUnit((3, 3), 32), ("pool1",)),
        (MaxPool((2, 2), (2, 2)), ("conv2",)),
    ]


def test_subsampling_cannot_remove_channels() -> None:
    with pytest.raises(SpaceError, match="subsampling to 4 channels reads 6; it can add channels, not remove them"):
        Subsampling(2, 4).output_shape((8, 8, 6))

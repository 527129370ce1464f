"""Networks from cells, and their published sizes (NASNet, sections 1, 2 and 7), without JAX."""

import re
from collections import Counter

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from automl_cli.core.errors import SpaceError, UserError
from automl_cli.kinds.cell import CellBody
from automl_cli.references import open_artifact
from automl_cli.values.cell import CELL_OPERATIONS, Branch, Cell, CellPair, Combination, keep_probability
from automl_cli.values.network import Network
from automl_cli.values.operations import (
    ActivationOperation,
    AveragePool,
    ConvolutionUnit,
    FactorizedReduction,
    MaxPool,
    SeparableUnit,
)
from automl_cli.values.skeleton import Stack, cell_network, default_stack, fitted_stack, parse_stack, stack
from tests.values.samples import cells_with, random_cells

CIFAR, MOBILE, LARGE = (32, 32, 3), (224, 224, 3), (331, 331, 3)


def nasnet_a() -> CellPair:
    cell = open_artifact("nasnet-a", CellBody).artifact.body.value
    assert isinstance(cell, CellPair)
    return cell


def network_of(text: str, image: tuple[int, int, int], cells: CellPair | None = None) -> Network:
    cells = cells or nasnet_a()
    return cell_network(cells, parse_stack(text, cells, image), image)


def operations_of(network: Network, block: str) -> object:
    return next(found.operation for found in network.blocks if found.name == block)


def reads(network: Network, block: str) -> tuple[str, ...]:
    return next(found.inputs for found in network.blocks if found.name == block)


def test_nasnet_a_on_cifar_has_the_published_size():
    costs = network_of("6@768", CIFAR).costs(CIFAR, 10)
    assert costs.parameters == 3_346_538
    assert round(costs.multiply_adds / 1e6) == 544


def test_nasnet_a_mobile_has_the_published_size():
    costs = network_of("4@1056", MOBILE).costs(MOBILE, 1000)
    assert costs.parameters == 5_289_978
    assert round(costs.multiply_adds / 1e6, 1) == 563.6


def test_nasnet_a_large_has_the_published_size():
    costs = network_of("6@4032", LARGE).costs(LARGE, 1000)
    assert costs.parameters == 88_753_150
    assert round(costs.multiply_adds / 1e9, 2) == 23.78


@pytest.mark.parametrize(("filters", "parameters", "millions"), [(32, 1_294_698, 232), (24, 757_906, 136)])
def test_search_children_have_the_size_that_follows_from_the_definition(filters, parameters, millions):
    network = cell_network(nasnet_a(), stack("cifar", repeats=2, filters=filters), CIFAR)
    assert network.costs(CIFAR, 10).parameters == parameters
    assert round(network.costs(CIFAR, 10).multiply_adds / 1e6) == millions


@pytest.mark.parametrize(("width", "filters"), [(768, 32), (1056, 44), (4032, 168), (2304, 96), (1920, 80), (1536, 64)])
def test_the_penultimate_width_of_nasnet_a_is_24_times_f(width, filters):
    found = parse_stack(f"6@{width}", nasnet_a(), CIFAR)
    assert (found.repeats, found.filters, found.width(nasnet_a())) == (6, filters, width)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("4@1057", "--stack 4@1056 or --stack 4@1080"),
        ("2@193", "--stack 2@192 or --stack 2@216"),
        ("1 @ 97", "--stack 1@96 or --stack 1@120"),
        ("5 @ 1538", "--stack 5@1536 or --stack 5@1560"),
        ("1@100000", "--stack 1@99984"),
    ],
)
def test_a_width_that_the_cell_cannot_have_is_refused_with_the_nearest_that_it_can(text, nearest):
    with pytest.raises(UserError, match=rf"P must be a multiple of 24; give {nearest}$"):
        parse_stack(text, nasnet_a(), MOBILE)


@pytest.mark.parametrize("states", range(1, 6))
@pytest.mark.parametrize("image", [CIFAR, MOBILE])
def test_a_width_is_accepted_where_it_is_built_and_nowhere_else(states, image):
    cells = cells_with("sep-3x3", states=states)
    for width in range(16 * states, 48 * states):
        fitted = fitted_stack(f"2@{width}", cells, image)
        if fitted.width(cells) == width:
            assert parse_stack(f"2@{width}", cells, image) == fitted
        else:
            with pytest.raises(UserError, match=rf"multiple of {4 * states}; give --stack 2@{fitted.width(cells)} or "):
                parse_stack(f"2@{width}", cells, image)


@pytest.mark.parametrize("states", range(1, 6))
def test_the_default_width_is_rounded_down_to_what_a_cell_can_have(states):
    cells = cells_with("sep-3x3", states=states)
    for image, width in ((CIFAR, 768), (MOBILE, 1056)):
        assert fitted_stack(default_stack(image), cells, image).width(cells) == width - width % (4 * states)


def test_f_may_be_given():
    assert parse_stack("6@768", nasnet_a(), CIFAR, filters=36).filters == 36


def test_wrong_stacks_are_refused():
    with pytest.raises(UserError, match=r"--stack 6@20 leaves 0 filters for a cell of 6 output states.*at least --stack 6@24$"):
        parse_stack("6@20", nasnet_a(), CIFAR)
    with pytest.raises(UserError, match=r"--stack 4@90 leaves 3 filters.*and 4 are needed.*give at least --stack 4@96$"):
        parse_stack("4@90", nasnet_a(), MOBILE)
    with pytest.raises(SpaceError, match="does not fit a map of 2 x 2"):
        cell_network(nasnet_a(), stack("imagenet", repeats=1, filters=8), (2, 2, 3))


@pytest.mark.parametrize(
    "text",
    [
        "6x768",
        "",
        " ",
        "0@768",
        "6@0",
        "1001@768",
        "6@100001",
        "1000000@768",
        "6@" + "9" * 5000,
        "\u0666@768",
        "6@\uff17\uff16\uff18",
    ],
)
@pytest.mark.parametrize("filters", [None, 32])
def test_what_is_no_stack_is_refused_by_its_flag_with_what_is_allowed(text, filters):
    allowed = r"it must be N@P, such as 6@768 or 4@1056: N repeats, 1 to 1,000, and P channels of the last cell, 1 to 100,000$"
    with pytest.raises(UserError, match=rf"^--stack is '{re.escape(text)}'; {allowed}"):
        parse_stack(text, nasnet_a(), CIFAR, filters=filters)


@pytest.mark.parametrize(("filters", "image", "least"), [(0, CIFAR, 1), (3, MOBILE, 4), (25_001, CIFAR, 1), (2**53, MOBILE, 4)])
def test_filters_out_of_bounds_are_refused_by_their_flag(filters, image, least):
    with pytest.raises(
        UserError, match=rf"^--filters is {filters}; for images of this size it must be from {least} to 25,000$"
    ):
        parse_stack("6@768", nasnet_a(), image, filters=filters)


def test_the_largest_stacks_are_accepted():
    assert parse_stack("1000@99984", nasnet_a(), MOBILE).repeats == 1000
    assert parse_stack("0006@768", nasnet_a(), MOBILE, filters=25_000).filters == 25_000


@pytest.mark.parametrize("field", ["repeats", "filters", "stem_filters"])
@pytest.mark.parametrize("value", [0, 10**9])
def test_a_stack_in_a_file_has_the_same_bounds(field, value):
    with pytest.raises(SpaceError, match=f"^{field} of a stack of cells is {value}; it must be from 1 to "):
        msgspec.structs.replace(stack("cifar", repeats=2, filters=32), **{field: value})


def test_images_from_64_pixels_on_get_imagenets_skeleton():
    assert (default_stack((63, 63, 3)), default_stack((64, 64, 3))) == ("6@768", "4@1056")
    assert parse_stack("6@768", nasnet_a(), (63, 63, 3)).skeleton == "cifar"
    assert parse_stack("4@1056", nasnet_a(), (64, 64, 3)).skeleton == "imagenet"


def test_released_settings_of_the_three_published_networks():
    assert parse_stack("6@768", nasnet_a(), CIFAR) == Stack("cifar", 6, 32, 96, False)
    assert parse_stack("4@1056", nasnet_a(), MOBILE) == Stack("imagenet", 4, 44, 32, False)
    assert parse_stack("6@4032", nasnet_a(), LARGE) == Stack("imagenet", 6, 168, 96, True)


def cells_in_order(network: Network) -> list[str]:
    return [block.name.removesuffix(".output") for block in network.blocks if block.name.endswith(".output")]


def test_reduction_cells_stand_before_normal_cells_6_and_12_of_18():
    order = cells_in_order(network_of("6@768", CIFAR))
    assert len(order) == 20
    normals = [f"normal{number}" for number in range(1, 19)]
    assert order == [*normals[:6], "reduction1", *normals[6:12], "reduction2", *normals[12:]]


def test_the_imagenet_stem_is_two_reduction_cells_of_a_quarter_and_half_the_filters():
    network = network_of("4@1056", MOBILE)
    assert cells_in_order(network)[:3] == ["stem-reduction1", "stem-reduction2", "normal1"]
    assert operations_of(network, "stem") == ConvolutionUnit((3, 3), 32, (2, 2), "conv-bn", 1, "valid")
    shapes = network.shapes(MOBILE)
    assert [shapes[name] for name in ("stem", "stem-reduction1.h6", "stem-reduction2.h6", "normal1.h6")] == [
        (111, 111, 32),
        (56, 56, 11),
        (28, 28, 22),
        (28, 28, 44),
    ]
    assert shapes["final"] == (7, 7, 1056)


def test_filters_double_at_every_reduction_of_the_body():
    shapes = network_of("6@768", CIFAR).shapes(CIFAR)
    assert [shapes[f"{name}.h6"] for name in ("normal6", "reduction1", "normal12", "reduction2", "normal18")] == [
        (32, 32, 32),
        (16, 16, 64),
        (16, 16, 64),
        (8, 8, 128),
        (8, 8, 128),
    ]


def test_the_first_cell_reads_the_stem_unprojected_in_place_of_a_previous_output():
    network = network_of("6@768", CIFAR)
    assert reads(network, "normal1.h0") == ("stem",)
    assert reads(network, "normal1.h2.right.1") == ("stem",)
    assert reads(network, "normal1.output.h1") == ("stem",)
    assert operations_of(network, "normal1.output.h1") == ConvolutionUnit((1, 1), 32, order="conv-bn", padding="same")
    assert "normal1.h1" not in {block.name for block in network.blocks}


def previous_of_the_cell_behind_the_first_reduction(network: Network, number: int) -> tuple[str, ...]:
    assert isinstance(operations_of(network, f"normal{number}.h1"), FactorizedReduction)
    return reads(network, f"normal{number}.h1")


def test_the_cell_behind_a_reduction_reads_what_stands_before_it_or_skips_that_too():
    assert previous_of_the_cell_behind_the_first_reduction(network_of("6@768", CIFAR), 7) == ("normal6.output",)
    assert previous_of_the_cell_behind_the_first_reduction(network_of("6@4032", LARGE), 7) == ("normal5.output",)


def test_the_auxiliary_head_reads_normal_cell_11_counted_from_0():
    network = network_of("6@768", CIFAR)
    assert [block.operation for block in network.auxiliary] == [
        ActivationOperation(),
        AveragePool((5, 5), (3, 3), "valid"),
        ConvolutionUnit((1, 1), 128, padding="valid"),
        ConvolutionUnit((4, 4), 768, padding="valid"),
    ]
    assert network.auxiliary[0].inputs == ("normal12.output",)
    assert network.training_shapes(CIFAR)[network.auxiliary[-1].name] == (1, 1, 768)


def test_maps_below_five_pixels_have_no_auxiliary_head():
    small = stack("cifar", repeats=1, filters=8)
    assert not cell_network(nasnet_a(), small, (8, 8, 1)).auxiliary
    assert cell_network(nasnet_a(), small, (10, 10, 1)).auxiliary


def test_every_operation_box_but_identity_may_be_dropped_at_the_depth_of_its_cell():
    network = network_of("6@768", CIFAR)
    dropped = Counter(block.name.partition(".")[0] for block in network.blocks if block.drop_path is not None)
    assert dropped["normal7"] == 8  # ten branches, two of them identities
    assert dropped["reduction1"] == 9
    depths = [block.drop_path for block in network.blocks if block.drop_path is not None]
    assert (depths[0], depths[-1], sorted(depths)) == (1 / 20, 1.0, depths)
    assert "normal1.h4.right" not in {block.name for block in network.blocks if block.drop_path is not None}


@pytest.mark.parametrize(
    ("depth", "progress", "keep"),
    [(1 / 20, 0.0, 1.0), (1.0, 0.0, 1.0), (1 / 20, 0.5, 0.99), (1.0, 0.5, 0.8), (0.5, 1.0, 0.8), (1.0, 1.0, 0.6)],
)
def test_drop_path_of_the_released_code(depth, progress, keep):
    """keep = 1 - (cell + 1) / cells (1 - 0.6), then 1 - progress (1 - that)."""
    assert keep_probability(0.6, depth=depth, progress=progress) == pytest.approx(keep, abs=1e-15)
    by_depth = 1 - depth * (1 - 0.6)
    assert keep_probability(0.6, depth=depth, progress=progress) == pytest.approx(1 - progress * (1 - by_depth), abs=1e-15)


@pytest.mark.parametrize(("progress", "keep"), [(0.0, 1.0), (0.5, 0.85), (1.0, 0.7)])
def test_drop_path_of_the_paper_ignores_the_depth(progress, keep):
    for depth in (0.1, 1.0):
        assert keep_probability(0.7, depth=depth, progress=progress, scale_by_depth=False) == pytest.approx(keep, abs=1e-15)


def chain_of(operation: str, **options: bool) -> list[object]:
    """The operations on h1, the projected previous output, in a normal cell behind the first."""
    network = cell_network(cells_with(operation, **options), stack("cifar", repeats=1, filters=16), CIFAR)
    return [block.operation for block in network.blocks if block.name.startswith("normal2.h2.right")]


def narrow(filters: int, kernel: tuple[int, int] = (1, 1), **rest: int) -> ConvolutionUnit:
    return ConvolutionUnit(kernel, filters, order="act-conv-bn", padding="same", **rest)


def test_operations_are_made_as_the_authors_made_them():
    """Normal cell 2 of a stack with F = 16 has 32 filters and reads 32."""
    assert chain_of("identity") == []
    assert chain_of("conv-1x1") == [narrow(32)]
    assert chain_of("sep-5x5") == [SeparableUnit(5, 32), SeparableUnit(5, 32)]
    assert chain_of("dilated-sep-3x3") == [SeparableUnit(3, 32, 1, 2), SeparableUnit(3, 32, 1, 2)]
    assert chain_of("avg-3x3") == [AveragePool((3, 3), (1, 1))]
    assert chain_of("max-7x7") == [MaxPool((7, 7), (1, 1))]
    assert chain_of("conv-3x3") == [narrow(8), narrow(8, (3, 3)), narrow(32)]
    assert chain_of("dilated-3x3") == [narrow(8), narrow(8, (3, 3), dilation=2), narrow(32)]
    assert chain_of("conv-1x7-7x1") == [narrow(8), narrow(8, (1, 7)), narrow(8, (7, 1)), narrow(32)]
    assert chain_of("conv-1x3-3x1") == [narrow(12), narrow(12, (1, 3)), narrow(12, (3, 1)), narrow(32)]


def test_the_bottleneck_can_be_switched_off_and_is_off_below_one_filter():
    assert chain_of("conv-3x3", bottleneck=False) == [narrow(32, (3, 3))]
    assert chain_of("conv-1x7-7x1", bottleneck=False) == [narrow(32, (1, 7)), narrow(32, (7, 1))]
    network = cell_network(cells_with("conv-3x3"), stack("cifar", repeats=1, filters=3), CIFAR)
    assert operations_of(network, "normal1.h2.left") == narrow(3, (3, 3))


def test_strides_stand_in_the_operations_that_read_an_input_of_a_reduction_cell():
    cell = Cell(
        (
            Combination(Branch(0, "sep-3x3"), Branch(1, "identity")),
            Combination(Branch(2, "max-3x3"), Branch(0, "conv-1x7-7x1")),
        ),
        (3,),
    )
    network = cell_network(CellPair(cell, cell), stack("cifar", repeats=1, filters=16), CIFAR)
    strides = {
        block.name.removeprefix("reduction1."): block.operation.stride
        for block in network.blocks
        if block.name.startswith("reduction1.h") and hasattr(block.operation, "stride")
    }
    assert strides == {
        "h0": (1, 1),
        "h1": (1, 1),
        "h2.left.1": 2,
        "h2.left.2": 1,
        "h2.right": (2, 2),
        "h3.left": (1, 1),
        "h3.right.1": (1, 1),
        "h3.right.2": (1, 2),
        "h3.right.3": (2, 1),
        "h3.right.4": (1, 1),
    }


def test_pools_that_change_the_channels_are_followed_by_a_projection_without_activation():
    network = cell_network(cells_with("max-5x5"), stack("cifar", repeats=1, filters=16), CIFAR)
    assert operations_of(network, "normal1.h2.right.1") == MaxPool((5, 5), (1, 1))
    assert operations_of(network, "normal1.h2.right.2") == ConvolutionUnit((1, 1), 16, order="conv-bn", padding="same")


def test_a_concatenation_is_projected_back_to_the_filters():
    network = cell_network(cells_with("avg-3x3", join="concatenate"), stack("cifar", repeats=1, filters=16), CIFAR)
    block = next(block for block in network.blocks if block.name == "normal2.h2")
    assert (block.operation, block.join, block.inputs) == (narrow(32), "concatenate", ("normal2.h2.left", "normal2.h2.right"))


@pytest.mark.parametrize("image", [CIFAR, (1, 64, 1), (64, 1, 1)])
def test_an_input_that_no_combination_reads_is_reduced_into_the_output_without_activation(image):
    cell = Cell((Combination(Branch(0, "sep-3x3"), Branch(0, "identity")),), (1, 2))
    network = cell_network(CellPair(cell, cell), stack("cifar", repeats=1, filters=16), image)
    assert operations_of(network, "reduction1.output.h1") == FactorizedReduction(32)
    assert reads(network, "reduction1.output") == ("reduction1.output.h1", "reduction1.h2")


def test_an_input_that_nothing_needs_is_not_projected():
    cell = Cell((Combination(Branch(0, "sep-3x3"), Branch(0, "identity")),), (2,))
    names = {block.name for block in cell_network(CellPair(cell, cell), stack("cifar", repeats=1, filters=16), CIFAR).blocks}
    assert not {name for name in names if name.endswith(".h1")}


@given(
    st.integers(0, 10**9),
    st.sampled_from(["nasnet", "sp-i"]),
    st.integers(1, 3),
    st.integers(4, 20),
    st.sampled_from([(8, 8, 1), (9, 7, 3), (1, 16, 1), (32, 32, 3), (97, 97, 3)]),
    st.sampled_from(["cifar", "imagenet"]),
)
@example(11, "nasnet", 1, 8, (1, 16, 1), "cifar")  # Its reduction cell puts out an input that no combination reads.
def test_every_cell_of_the_space_makes_a_network_whose_last_cells_have_the_promised_shape(
    seed, variant, repeats, filters, image, skeleton
):
    """Two reductions of either side, on ImageNet behind a stem of stride 2 without padding and two more."""
    cells = random_cells(seed, variant=variant)
    chosen = stack(skeleton, repeats=repeats, filters=filters)
    if skeleton == "imagenet" and min(image[:2]) < 33:
        return
    network = cell_network(cells, chosen, image)
    height, width = (-(-side // 4) if skeleton == "cifar" else -(-((side - 1) // 2) // 16) for side in image[:2])
    assert network.shapes(image)["final"] == (height, width, chosen.width(cells))
    assert network.costs(image, 10).parameters > 0


def test_all_fourteen_operations_make_networks_with_both_joins():
    for operation in CELL_OPERATIONS:
        for join in ("add", "concatenate"):
            network = cell_network(cells_with(operation, join=join), stack("cifar", repeats=1, filters=8), (8, 8, 3))
            assert network.shapes((8, 8, 3))["final"] == (2, 2, 32)

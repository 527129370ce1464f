"""The space `cnn`: sizes, curriculum, decode rules, tokens (spec of NAS, sections 1, 2, 6 and 9)."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.rewards import Power
from automl_cli.core.spaces import SearchSpace
from automl_cli.values.network import IMAGE, ConvolutionUnit, MaxPool, Network
from search_spaces.cnn import SPACE

VARIANTS = ("plain", "strides", "pooling", "pooled")


def space(**options: str | int) -> SearchSpace:
    return SearchSpace(SPACE, {"curriculum_start": 40, **options})


def genotype(space: SearchSpace, *layers: dict[str, int | tuple[int, ...]]) -> tuple[int, ...]:
    """A genotype from what is chosen per layer; `reads` lists the earlier layers, counted from 1."""
    choices: dict[str, int | bool] = {}
    for number, layer in enumerate(layers, start=1):
        for field in ("filter_height", "filter_width", "stride_height", "stride_width", "filters"):
            if f"layer{number}.{field}" in {decision.name for decision in space.decisions.decisions}:
                choices[f"layer{number}.{field}"] = layer.get(field, {"filters": 24}.get(field, 1))
        for earlier in range(1, number):
            choices[f"layer{number}.reads_layer{earlier}"] = earlier in layer.get("reads", ())
    return space.decisions.genotype_of(choices)


def test_sizes_are_those_of_the_paper():
    assert space(variant="plain", layers=15).size == 2**195
    assert space(variant="strides", layers=20).size == 2**310 * 3**40
    assert space(variant="pooling", layers=13).size == 2**156


def test_choices_are_those_of_the_deck_in_its_order():
    fields = [(d.name.split(".")[1], d.choices) for d in space(variant="strides", layers=1).decisions.decisions]
    assert fields == [
        ("filter_height", (1, 3, 5, 7)),
        ("filter_width", (1, 3, 5, 7)),
        ("stride_height", (1, 2, 3)),
        ("stride_width", (1, 2, 3)),
        ("filters", (24, 36, 48, 64)),
    ]


def test_the_pooling_variant_has_lower_filter_choices_and_no_strides():
    names = {d.name: d.choices for d in space(variant="pooling", layers=1).decisions.decisions}
    assert names["layer1.filters"] == (6, 12, 24, 36)
    assert not any("stride" in name for name in names)


def test_curriculum_of_the_paper_preset_grows_by_two_layers_every_1600_trials():
    preset = SPACE.presets["paper"]
    paper = SearchSpace(SPACE, preset.space_options)
    depths = [len(paper.decode((0,) * paper.length(trial)).blocks) for trial in range(0, preset.trials, 800)]
    assert depths == [6 + 2 * (trial // 1600) for trial in range(0, 12_800, 800)]
    assert max(depths) == 20
    assert paper.length(1_000_000) == len(paper.decisions)


def test_the_paper_preset_is_the_decks_setting():
    preset = SPACE.presets["paper"]
    child, recipe = preset.child, preset.child.recipe
    assert (preset.trials, preset.epochs, preset.in_flight, preset.reward, preset.reuse) == (12_800, 50, 800, Power(2.0), False)
    assert (child.optimizer, child.augmentation, recipe.learning_rate, recipe.weight_decay) == (
        "nesterov",
        "standard",
        0.1,
        1e-4,
    )
    assert "22,400 GPU-days" in preset.published_cost


def test_a_layer_without_inputs_reads_the_image_and_unread_layers_go_to_the_classifier():
    s = space(variant="plain", layers=3)
    network = s.decode(genotype(s, {}, {}, {}))
    assert [block.inputs for block in network.blocks] == [(IMAGE,)] * 3
    assert network.outputs == ("layer1", "layer2", "layer3")


def test_several_inputs_are_joined_in_the_order_of_their_layers():
    s = space(variant="plain", layers=3)
    network = s.decode(genotype(s, {"filters": 24}, {"filters": 36, "reads": (1,)}, {"filters": 48, "reads": (1, 2)}))
    assert network.blocks[2].inputs == ("layer1", "layer2")
    assert network.outputs == ("layer3",)
    shapes = network.shapes((8, 8, 1))
    assert shapes["layer3"] == (8, 8, 48)
    # Weights of layer 3 read 24 + 36 channels.
    assert network.costs((8, 8, 1), 10).parameters == (24 + 48) + (24 * 36 + 72) + (60 * 48 + 96) + (48 * 10 + 10)


def test_with_stride_2_in_one_branch_the_join_has_the_largest_size():
    s = space(variant="strides", layers=3)
    network = s.decode(genotype(s, {"stride_height": 2, "stride_width": 2}, {}, {"reads": (1, 2)}))
    shapes = network.shapes((32, 32, 3))
    assert shapes["layer1"] == (16, 16, 24)
    assert shapes["layer3"] == (32, 32, 24)


def test_the_pooling_variant_builds_39_layers_and_two_pools_from_13():
    s = space(variant="pooling", layers=13)
    chain = s.decode(genotype(s, *({"reads": (number - 1,)} for number in range(1, 14))))
    convolutions = [block for block in chain.blocks if not isinstance(block.operation, MaxPool)]
    assert len(convolutions) == 39
    sides = [chain.shapes((32, 32, 3))[block.name][0] for block in convolutions]
    assert sides == [32] * 12 + [16] * 12 + [8] * 15


def test_a_fully_connected_block_reads_its_inputs_and_all_its_earlier_layers():
    s = space(variant="pooling", layers=2)
    inputs = {block.name: block.inputs for block in s.decode(genotype(s, {}, {"reads": (1,)})).blocks}
    assert inputs["layer1.3"] == (IMAGE, "layer1.1", "layer1.2")
    before = tuple(f"layer1.{part}.pool1" for part in (1, 2, 3))
    assert inputs["layer2.1"] == before
    assert inputs["layer2.3"] == (*before, "layer2.1", "layer2.2")


def test_tokens_read_as_in_the_deck():
    s = space(variant="strides", layers=2)
    chosen = genotype(s, {"filter_height": 3, "filter_width": 5}, {"filters": 64, "stride_width": 2, "reads": (1,)})
    assert s.tokens(chosen) == (
        *("Filter Height: 3", "Filter Width: 5", "Stride Height: 1", "Stride Width: 1", "Num Filters: 24", "Inputs: image"),
        *("Filter Height: 1", "Filter Width: 1", "Stride Height: 1", "Stride Width: 2", "Num Filters: 64", "Inputs: layer 1"),
    )


@given(st.sampled_from(VARIANTS), st.integers(1, 9), st.integers(0, 2**32))
def test_every_genotype_decodes_to_a_network_in_which_every_layer_counts(variant: str, layers: int, seed: int):
    s = space(variant=variant, layers=layers)
    network = s.decode(s.decisions.sample(Random(seed)))
    assert isinstance(network, Network)
    used = {name for block in network.blocks for name in block.inputs} | set(network.outputs)
    assert {block.name for block in network.blocks} <= used
    shapes = network.shapes((32, 32, 3))
    if variant != "strides":
        for block in network.blocks:
            assert len({shapes[name][:2] for name in block.inputs}) == 1, "only strides make inputs differ in size"


@given(st.sampled_from(VARIANTS), st.integers(2, 9), st.data())
def test_a_genotype_cut_inside_a_layer_is_refused(variant: str, layers: int, data: st.DataObject):
    s = space(variant=variant, layers=layers)
    boundaries = {s.plugin.length({**s.options, "curriculum_start": depth}, 0) for depth in range(1, layers + 1)}
    cut = data.draw(st.integers(1, len(s.decisions)).filter(lambda length: length not in boundaries))
    with pytest.raises(SpaceError, match="ends in the middle of a layer"):
        s.decode((0,) * cut)


@pytest.mark.parametrize(
    ("name", "value"),
    [("layers", 0), ("layers", 10**9), ("curriculum_start", 0), ("curriculum_trials", 0), ("curriculum_step", -1)],
)
def test_options_out_of_range_are_refused_at_construction(name: str, value: int):
    with pytest.raises(SpaceError, match=f"{name}={value}"):
        SearchSpace(SPACE, {name: value})


def test_a_misspelt_variant_gets_a_suggestion():
    with pytest.raises(UserError, match="Did you mean 'strides'"):
        SearchSpace(SPACE, {"variant": "stride"})


def test_the_pooled_variant_pools_behind_single_layers_and_behind_the_first() -> None:
    space = SearchSpace(SPACE, {"variant": "pooled", "layers": 6, "curriculum_start": 6})
    for trial in range(20):
        network = space.decode(space.sample(0, trial))
        convolutions = [block for block in network.blocks if isinstance(block.operation, ConvolutionUnit)]
        assert [block.name for block in convolutions] == [f"layer{number}" for number in range(1, 7)]
        shapes = network.shapes((32, 32, 3))
        assert {shapes[name][0] for name in network.outputs} == {4}, "three pools halve 32 pixels"
        assert {block.operation.filters for block in convolutions} <= {24, 36, 48, 64}

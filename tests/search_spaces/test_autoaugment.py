"""The space of augmentation policies: its size, what means the same, what is in it, and what its presets say."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from automl_cli.core.errors import SpaceError, UserError
from automl_cli.core.spaces import SearchSpace
from automl_cli.kinds.augmentation_policy import NAMED
from automl_cli.planning.child import preset_of
from automl_cli.planning.request import SearchRequest
from automl_cli.planning.resolve import plan_search
from automl_cli.store.study import StudySettings
from automl_cli.values.policy import MAPPINGS, OPERATIONS, SubPolicies, arguments
from automl_cli.values.published_policies import CIFAR10, IMAGENET, SVHN
from search_spaces.autoaugment import NEUTRAL, NOTHING, SPACE

WHOLE = SearchSpace(SPACE, {})
PLACE = {name: at for at, name in enumerate(OPERATIONS)}


def genotype(*triples: tuple[str, int, int]) -> tuple[int, ...]:
    """Operations by name, with tenths and level; the rest never happens."""
    given_ = [(PLACE[name], tenths, level) for name, tenths, level in triples]
    return tuple(index for triple in [*given_, *[(0, 0, 0)] * (10 - len(given_))] for index in triple)


def test_the_size_is_the_papers() -> None:
    assert WHOLE.size == 285184999433627773173760000000000
    assert len(WHOLE.decisions) == 30


@pytest.mark.parametrize(("mapping", "count"), [("paper", 16), ("torchvision", 14), ("authors-cifar", 15)])
def test_all_operations_are_those_that_the_mapping_defines(mapping: str, count: int) -> None:
    assert len(SearchSpace(SPACE, {"mapping": mapping}).decisions.decisions[0].choices) == count


def test_a_subset_of_operations_is_searched_in_the_order_of_the_table() -> None:
    space = SearchSpace(SPACE, {"operations": "Rotate, Invert,ShearY"})
    assert space.decisions.decisions[0].choices == ("ShearY", "Rotate", "Invert")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"operations": "Rotat"}, "unknown operation 'Rotat'. Did you mean 'Rotate'?"),
        ({"operations": "Rotate,"}, "unknown operation ''"),
        ({"operations": "Identity"}, "unknown operation 'Identity'"),
        ({"operations": "Cutout", "mapping": "torchvision"}, "does not define Cutout; leave it out, or take mapping=paper"),
        ({"sub_policies": 0}, "must be from 1 to 100"),
        ({"cutout": 1.5}, "must be from 0 to 1"),
        ({"mapping": "papers"}, "Did you mean 'paper'?"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        SearchSpace(SPACE, options)


SAME = [
    (genotype(("Invert", 3, 1)), genotype(("Invert", 3, 8)), True),
    (genotype(("Equalize", 3, 1)), genotype(("Invert", 3, 1)), False),
    (genotype(("Rotate", 0, 5)), genotype(("Invert", 0, 2)), True),
    (genotype(("Rotate", 5, 0)), genotype(), True),
    (genotype(("Posterize", 5, 1)), genotype(), True),
    (genotype(("Posterize", 5, 2)), genotype(("Posterize", 5, 3)), True),
    (genotype(("Posterize", 5, 3)), genotype(("Posterize", 5, 4)), False),
    (genotype(("Rotate", 5, 3)), genotype(("Rotate", 6, 3)), False),
    (genotype(("Rotate", 5, 3), ("Invert", 5, 0)), genotype(("Invert", 5, 0), ("Rotate", 5, 3)), False),
    (genotype(("Rotate", 0, 3), ("Invert", 5, 0)), genotype(("Invert", 5, 0)), True),
    (
        genotype(("Color", 5, 3), NOTHING_TRIPLE := ("ShearX", 0, 0), ("Invert", 5, 0)),
        genotype(("Invert", 5, 2), NOTHING_TRIPLE, ("Color", 5, 3)),
        True,
    ),
    (genotype(("Cutout", 5, 0)), genotype(), True),
    (genotype(("Brightness", 5, 0)), genotype(), False),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_policies_that_mean_the_same_are_one(one: tuple[int, ...], other: tuple[int, ...], same: bool) -> None:
    assert (WHOLE.canonical(one) == WHOLE.canonical(other)) is same


@given(seed=st.integers(0, 10_000), order=st.permutations(range(5)))
def test_the_order_of_sub_policies_does_not_matter_and_the_canonical_genotype_is_one_of_them(
    seed: int, order: list[int]
) -> None:
    one = WHOLE.sample(seed, 0)
    other = tuple(index for at in order for index in one[6 * at : 6 * at + 6])
    key = WHOLE.canonical(one)
    assert WHOLE.canonical(other) == key == WHOLE.canonical(key)
    assert WHOLE.decisions.check(key) == key


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_levels_that_are_taken_as_one_have_the_same_arguments_on_images_of_any_size(name: str, mapping: str) -> None:
    space = SearchSpace(SPACE, {"mapping": mapping, "sub_policies": 1})
    operations = space.decisions.decisions[0].choices
    if name not in operations:
        return
    keys: dict[tuple[int, ...], int] = {}
    for level in range(10):
        key = space.canonical((operations.index(name), 5, level, *NOTHING))
        first = keys.setdefault(key, level)
        for side in (1, 8, 32, 224):
            meant = arguments(name, level, mapping, shape=(side, side))
            assert meant == arguments(name, first, mapping, shape=(side, side))
            assert key[:3] != NOTHING or meant == (NEUTRAL[name],) * 2


@pytest.mark.parametrize("published", [CIFAR10, SVHN, IMAGENET])
def test_every_five_rows_of_a_published_table_are_a_policy_of_the_space(published: SubPolicies) -> None:
    for start in range(0, 25, 5):
        rows = SubPolicies(published.sub_policies[start : start + 5])
        value = replace(NAMED["autoaugment-cifar10"], policy=rows)
        assert WHOLE.decode(WHOLE.encode(value)) == value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "it has 25 sub-policies; this space has 5"),
        ({"policy": None}, "it has no policy of sub-policies"),
        ({"baseline": "none"}, "its baseline is none, here it is flip-crop"),
        ({"cutout": 0.0}, "its cutout is 0.0, here it is 0.5"),
        ({"policy": NAMED["trivialaugment"].policy}, "it has no policy of sub-policies"),
    ],
)
def test_what_the_space_does_not_hold_is_refused_with_the_reason(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        WHOLE.encode(replace(NAMED["autoaugment-cifar10"], **changes))


@given(seed=st.integers(0, 10_000))
def test_a_mutated_policy_means_something_else_and_differs_in_one_decision(seed: int) -> None:
    parent = WHOLE.sample(seed, 0)
    child = WHOLE.mutate(parent, Random(seed))
    assert WHOLE.canonical(child) != WHOLE.canonical(parent)
    assert sum(before != after for before, after in zip(parent, child, strict=True)) == 1


def test_a_space_in_which_all_policies_mean_the_same_is_left_after_some_attempts() -> None:
    space = SearchSpace(SPACE, {"sub_policies": 1, "operations": "Invert"})
    assert space.mutate((0, 0, 0, 0, 0, 0), Random(0)) is not None


PAPER = {
    "cifar10": (("flip-crop", 0.5), 120, 0.01, 1e-4, 3_300 + 700, "5,000 hours"),
    "svhn_cropped": (("none", 0.0), 120, 0.01, 1e-4, 1_000, "1,000 hours"),
    "svhn": (("none", 0.0), 120, 0.01, 1e-4, 1_000, "1,000 hours"),
    "imagenet": (("inception", 0.0), 200, 0.1, 1e-5, 6_000, "15,000 hours"),
}


def planned(dataset: str, **asked: object) -> StudySettings:
    request = SearchRequest(preset="paper", dataset=dataset, **asked)
    return plan_search("search-augment", request, default_space="autoaugment", data_needed=False)[0]


@pytest.mark.parametrize(("dataset", "said"), PAPER.items())
def test_the_papers_setting_of_each_data_set(dataset: str, said: tuple[object, ...]) -> None:
    settings = planned(dataset)
    child, options = settings.child, settings.space.options
    assert child is not None
    facts = child.problem.facts
    assert (
        (options["baseline"], options["cutout"]),
        settings.epochs,
        child.recipe.learning_rate,
        child.recipe.weight_decay,
        facts["train_examples"] + facts["validation_examples"],
    ) == said[:5]
    assert settings.published_cost.startswith(str(said[5]))
    assert (settings.trials, settings.strategy, child.recipe.batch_size, child.recipe.schedule) == (
        15_000,
        "ppo",
        128,
        "cosine",
    )
    assert child.roles["network"].name == "wrn-40-2"


def test_flags_go_before_the_preset_of_a_data_set() -> None:
    settings = planned("svhn", train_examples=2000, epochs=3, space_option={"cutout": "0.25"}, operations="Rotate,Invert")
    assert settings.child is not None
    assert settings.child.problem.dataset["train_examples"] == 2000
    assert (settings.epochs, settings.space.options["cutout"]) == (3, 0.25)
    assert settings.space.options["operations"] == "Rotate,Invert"


def test_operations_are_said_once() -> None:
    with pytest.raises(UserError, match="--operations and --space-option operations"):
        planned("cifar10", operations="Rotate", space_option={"operations": "Invert"})


def test_a_data_set_without_a_preset_of_its_own_has_the_general_one() -> None:
    assert preset_of(SPACE, "paper", "fashion-mnist") is SPACE.presets["paper"]
    assert preset_of(SPACE, "paper", None) is SPACE.presets["paper"]

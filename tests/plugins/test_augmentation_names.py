"""Augmentations that go by a name: what each is, the families, and what is said of them."""

from itertools import product
from typing import get_args

import pytest
from msgspec.structs import replace

from automl_cli.core.errors import UserError
from automl_cli.kinds.augmentation_policy import KIND, NAMED, words
from automl_cli.plugins.roles import filling_named, value_of, words_of
from automl_cli.references import open_any, open_filling
from automl_cli.store.artifact import write_artifact
from automl_cli.values.augmentation import Augmentation, BaselineName
from automl_cli.values.policy import AppliedOperation, RandomOperations, SubPolicies
from automl_cli.values.policy_words import meaning

POLICIES = ("autoaugment-cifar10", "autoaugment-svhn", "autoaugment-imagenet", "randaugment", "trivialaugment")


def named(name: str) -> Augmentation:
    filling = filling_named("augmentation", name)
    assert filling is not None
    value = value_of(filling)
    assert isinstance(value, Augmentation)
    return value


@pytest.mark.parametrize(
    ("name", "baseline", "cutout", "mapping", "sub_policies"),
    [
        ("flip-crop-cutout", "flip-crop", 16 / 32, "paper", 0),
        ("autoaugment-cifar10", "flip-crop", 16 / 32, "paper", 25),
        ("autoaugment-svhn", "none", 20 / 32, "paper", 25),
        ("autoaugment-imagenet", "inception", 0.0, "paper", 25),
        ("randaugment", "flip-crop", 16 / 32, "torchvision", 0),
        ("trivialaugment", "flip-crop", 16 / 32, "torchvision", 0),
    ],
)
def test_a_name_is_a_baseline_a_policy_and_cutout(
    name: str, baseline: str, cutout: float, mapping: str, sub_policies: int
) -> None:
    value = named(name)
    assert (value.baseline, value.cutout, value.mapping, value.order) == (baseline, cutout, mapping, "paper")
    rows = value.policy.sub_policies if isinstance(value.policy, SubPolicies) else ()
    assert len(rows) == sub_policies


def test_randaugment_draws_two_of_fourteen_operations_at_nine_of_thirty_and_trivialaugment_one_at_any() -> None:
    rand, trivial = named("randaugment").policy, named("trivialaugment").policy
    assert isinstance(rand, RandomOperations)
    assert isinstance(trivial, RandomOperations)
    assert rand.operations == trivial.operations
    assert len(set(rand.operations)) == 14
    assert "Identity" in rand.operations
    assert {"Invert", "Cutout", "SamplePairing"}.isdisjoint(rand.operations)
    assert (rand.count, rand.levels, trivial.count) == (2, (2.7,), 1)
    assert [level / 9 for level in trivial.levels] == pytest.approx([step / 30 for step in range(31)])


@pytest.mark.parametrize(("count", "level"), [(1, 0), (3, 30), (2, 9)])
def test_randaugment_takes_count_and_level_in_its_name(count: int, level: int) -> None:
    policy = named(f"randaugment-{count}-{level}").policy
    assert isinstance(policy, RandomOperations)
    assert (policy.count, policy.levels[0] / 9) == (count, pytest.approx(level / 30))


@pytest.mark.parametrize(("baseline", "policy"), list(product(get_args(BaselineName), (*POLICIES, "randaugment-1-5"))))
def test_a_policy_stands_behind_any_baseline_without_its_cutout(baseline: BaselineName, policy: str) -> None:
    value = named(f"{baseline}+{policy}")
    assert value == replace(named(policy), baseline=baseline, cutout=0.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("randaugment-0-9", "N is from 1 to 20, and M from 0 to 30"),
        ("randaugment-2-31", "N is from 1 to 20, and M from 0 to 30"),
        ("none+autoaugment-cifar", "Did you mean 'autoaugment-cifar10'?"),
        ("none+flip-crop", "unknown policy in 'none+flip-crop': 'flip-crop'"),
        ("none+", "Write BASELINE+POLICY"),
        ("nine+trivialaugment", "unknown augmentation 'nine+trivialaugment'"),
        ("flipcrop", "Did you mean 'flip-crop'?"),
    ],
)
def test_what_names_nothing_is_refused_with_what_is_near(name: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        open_filling("augmentation", name)
    assert message in str(refused.value)


def test_a_name_and_its_artifact_have_one_value_and_one_digest(tmp_path) -> None:
    write_artifact(tmp_path / "policy.json", open_any("autoaugment-svhn").artifact)
    by_name, by_file = (
        open_filling("augmentation", "autoaugment-svhn"),
        open_filling("augmentation", str(tmp_path / "policy.json")),
    )
    assert (by_name.value, by_name.digest, by_name.name) == (by_file.value, by_file.digest, "autoaugment-svhn")
    assert by_file.name is None


def test_words_are_one_line_and_one_for_each_sub_policy() -> None:
    first, *rows = words(named("autoaugment-cifar10"))
    assert first == "flip-crop, 25 sub-policies, Cutout 0.5"
    assert rows[0] == "Invert 0.1 7, Contrast 0.2 6"
    assert len(rows) == 25
    assert words(named("trivialaugment")) == (
        "flip-crop, 1 of 14 operations drawn for each image, one of 31 levels, Cutout 0.5, mapping torchvision",
    )
    assert words(replace(named("none+autoaugment-svhn"), order="authors"))[0] == "25 sub-policies, none"
    assert all(KIND.words and KIND.words(value) for value in NAMED.values())


def test_a_line_about_a_role_has_room_for_the_first_words_only() -> None:
    filling = filling_named("augmentation", "autoaugment-cifar10")
    assert filling is not None
    assert words_of(filling) == ("autoaugment-cifar10: flip-crop, 25 sub-policies, Cutout 0.5; Invert 0.1 7, Contrast 0.2 6; …")


@pytest.mark.parametrize(
    ("operation", "level", "mapping", "means"),
    [
        ("Rotate", 3.0, "paper", "±10°"),
        ("Rotate", 5.0, "authors-cifar", "±15°"),
        ("TranslateX", 9.0, "paper", "±45.3 %"),
        ("TranslateX", 9.0, "authors-cifar", "±9 pixels"),
        ("ShearY", 9.0, "paper", "slope ±0.3"),
        ("Posterize", 9.0, "paper", "4 bits"),
        ("Posterize", 9.0, "authors-cifar", "1 bits"),
        ("Solarize", 9.0, "paper", "invert from 0"),
        ("Color", 9.0, "paper", "factor 1.9"),
        ("Color", 9.0, "torchvision", "factor 1.9 or 0.1"),
        ("Cutout", 9.0, "paper", "18.1 %"),
        ("Cutout", 9.0, "authors-cifar", "18 pixels"),
        ("SamplePairing", 9.0, "paper", "weight 0.4"),
        ("Invert", 9.0, "paper", ""),
    ],
)
def test_the_meaning_of_a_level(operation, level: float, mapping, means: str) -> None:
    assert meaning(AppliedOperation(operation, 1.0, level), mapping) == means

"""Levels and their meaning, mapping by mapping, against the tables of the spec and Python's own arithmetic."""

import pytest

from automl_cli.core.errors import UserError
from automl_cli.values.augmentation import Augmentation
from automl_cli.values.policy import (
    MAPPINGS,
    MOST_APPLIED,
    OPERATIONS,
    AppliedOperation,
    RandomOperations,
    SubPolicies,
    arguments,
    is_defined,
    operations_of,
    table_of,
)

FORMULAS = {
    "paper": {
        "ShearX": lambda v: (v * 0.3 / 9, -v * 0.3 / 9),
        "TranslateX": lambda v: (v * (150 / 331) / 9 * 331, -v * (150 / 331) / 9 * 331),
        "Rotate": lambda v: (v * 30 / 9, -v * 30 / 9),
        "Solarize": lambda v: (256 - v * 256 / 9,) * 2,
        "Posterize": lambda v: (round(8 - v * 4 / 9),) * 2,
        "Contrast": lambda v: (0.1 + v * 1.8 / 9,) * 2,
        "Cutout": lambda v: (round(v * 60 / 331 / 9 * 331),) * 2,
        "SamplePairing": lambda v: (v * 0.4 / 9,) * 2,
    },
    "torchvision": {
        "ShearX": lambda v: (v * 0.3 / 9, -v * 0.3 / 9),
        "TranslateX": lambda v: (int(v * 150 / 9), -int(v * 150 / 9)),
        "Rotate": lambda v: (v * 30 / 9, -v * 30 / 9),
        "Solarize": lambda v: (255 - v * 255 / 9,) * 2,
        "Posterize": lambda v: (8 - round(v * 4 / 9),) * 2,
        "Contrast": lambda v: (1 + v * 0.1, 1 - v * 0.1),
    },
    "authors-cifar": {
        "ShearX": lambda v: (v * 0.3 / 10, -v * 0.3 / 10),
        "TranslateX": lambda v: (int(v * 10 / 10), -int(v * 10 / 10)),
        "Rotate": lambda v: (int(v * 30 / 10), -int(v * 30 / 10)),
        "Solarize": lambda v: (256 - int(v * 256 / 10),) * 2,
        "Posterize": lambda v: (4 - int(v * 4 / 10),) * 2,
        "Contrast": lambda v: (0.1 + v * 1.8 / 10,) * 2,
        "Cutout": lambda v: (int(v * 20 / 10),) * 2,
    },
}
"""The tables of arXiv 1805.09501, torchvision's AutoAugment and the authors' code for CIFAR-10, on images of 331 pixels."""


@pytest.mark.parametrize(
    ("mapping", "operation"), [(mapping, name) for mapping, formulas in FORMULAS.items() for name in formulas]
)
def test_a_level_means_what_the_table_says(mapping, operation):
    for level in range(10):
        found = arguments(operation, level, mapping, shape=(331, 331))
        assert found == pytest.approx(FORMULAS[mapping][operation](level), abs=1e-9), level


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_operations_alike_share_a_range_and_the_rest_is_refused_by_name(mapping):
    known = MAPPINGS[mapping]
    assert {known[name] for name in ("Contrast", "Color", "Brightness", "Sharpness")} == {known["Contrast"]}
    assert (known["ShearX"], known["TranslateX"]) == (known["ShearY"], known["TranslateY"])
    refused = {name for name in OPERATIONS if not is_defined(name, mapping)}
    assert refused == {"paper": set(), "torchvision": {"Cutout", "SamplePairing"}, "authors-cifar": {"SamplePairing"}}[mapping]
    for name in refused:
        with pytest.raises(UserError, match=f"{mapping}.*does not define {name}"):
            arguments(name, 3, mapping, shape=(8, 8))
        with pytest.raises(UserError, match=f"does not define {name}"):
            Augmentation(baseline="none", policy=SubPolicies((((AppliedOperation(name, 1, 3)),),)), mapping=mapping)


def test_translations_are_shares_of_their_own_side_and_cutout_of_the_shorter():
    assert arguments("TranslateX", 9, "paper", shape=(100, 331)) == pytest.approx((150, -150))
    assert arguments("TranslateY", 9, "paper", shape=(331, 100)) == pytest.approx((150, -150))
    assert arguments("Cutout", 9, "paper", shape=(331, 662)) == (60, 60)


@pytest.mark.parametrize(("probability", "level"), [(-0.1, 3), (1.1, 3), (float("nan"), 3), (0.5, -1), (0.5, 9.5)])
def test_probabilities_and_levels_out_of_range_are_refused(probability, level):
    with pytest.raises(UserError, match="it must be from 0 to"):
        AppliedOperation("Rotate", probability, level)


def test_what_is_drawn_from_and_which_operations_there_are():
    drawn = RandomOperations(("Rotate", "ShearX"), levels=(1, 2), count=1)
    assert [row[0].level for row in table_of(drawn)] == [1, 2, 1, 2]
    assert operations_of(drawn) == ("ShearX", "Rotate")
    assert operations_of(SubPolicies(table_of(drawn))) == operations_of(drawn)


def test_so_many_operations_for_one_image_that_a_program_of_them_would_not_be_compiled_are_refused():
    rotate = AppliedOperation("Rotate", 0.5, 3)
    assert SubPolicies(((rotate,) * MOST_APPLIED,))
    with pytest.raises(UserError, match=f"{MOST_APPLIED + 1} operations for one image; a policy has at most {MOST_APPLIED}"):
        SubPolicies(((rotate,), (rotate,) * (MOST_APPLIED + 1)))
    assert RandomOperations(("Rotate",), (3.0,), MOST_APPLIED)
    with pytest.raises(UserError, match=f"{10**9} operations for one image; a policy has at most {MOST_APPLIED}"):
        RandomOperations(("Rotate",), (3.0,), 10**9)

"""The rules that divide examples between splits, and their seeded draw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.errors import DataError
from automl_cli.data.splits import draw, quotas, sizes_of

class_counts = st.lists(st.integers(0, 200), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize(
    ("parts", "train_examples", "expected"),
    [
        ({"train": 50_000, "test": 10_000}, None, (45_000, 5_000, 10_000)),
        ({"train": 1_437, "test": 360}, None, (737, 700, 360)),
        ({"train": 50_000, "test": 10_000}, 2_000, (1_300, 700, 10_000)),
        ({"train": 50_000, "test": 10_000}, 1_000, (500, 500, 10_000)),
        ({"train": 1_000, "validation": 300, "test": 400}, None, (1_000, 300, 400)),
        ({"train": 1_000, "validation": 300, "test": 400}, 200, (200, 300, 400)),
        ({"train": 10_000}, None, (7_200, 800, 2_000)),
        ({"train": 10_000, "validation": 500}, None, (8_000, 500, 2_000)),
    ],
)
def test_sizes_follow_the_documented_rules(parts, train_examples, expected):
    sizes = sizes_of("some set", parts, train_examples)
    assert (sizes.train, sizes.validation, sizes.test) == expected


@given(st.integers(5, 10**6))
def test_validation_has_700_examples_or_half_or_a_tenth(examples):
    sizes = sizes_of("some set", {"train": examples, "test": 1}, None)
    assert sizes.train + sizes.validation == examples
    assert sizes.validation <= max(examples // 2, 1)
    assert sizes.validation >= min(700, examples // 2)


def test_asking_for_more_examples_than_there_are_says_how_many_there_are():
    with pytest.raises(DataError, match="--train-examples is 1001, but some set has 1000 examples"):
        sizes_of("some set", {"train": 1_000, "test": 10}, 1_001)


def test_a_set_too_small_to_be_split_is_refused():
    with pytest.raises(DataError, match="too few examples: 2 would train, 1 validate and 0 test"):
        sizes_of("some set", {"train": 3}, None)


@given(class_counts, st.floats(0, 1))
def test_quotas_are_the_proportional_shares_within_one_example(counts, fraction):
    wanted = int(sum(counts) * fraction)
    shares = quotas(counts, wanted)
    exact = np.array(counts) * wanted / sum(counts)
    assert shares.sum() == wanted
    assert (np.abs(shares - exact) < 1 + 1e-9).all()
    assert (shares <= counts).all()


@given(class_counts, st.floats(0, 1), st.integers(0, 2**53))
def test_a_draw_is_a_rising_stratified_subset_and_repeats(counts, fraction, seed):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)
    wanted = int(len(labels) * fraction)
    rows = draw(labels, wanted, seed=seed, purpose="subset")
    assert (np.diff(rows) > 0).all()
    assert np.bincount(labels[rows], minlength=len(counts)).tolist() == quotas(np.bincount(labels), wanted).tolist() + [0] * (
        len(counts) - len(np.bincount(labels))
    )
    assert rows.tolist() == draw(labels, wanted, seed=seed, purpose="subset").tolist()


def test_draws_differ_by_seed_and_by_purpose():
    labels = np.zeros(1_000, np.int32)
    first = draw(labels, 500, seed=0, purpose="subset").tolist()
    assert first != draw(labels, 500, seed=1, purpose="subset").tolist()
    assert first != draw(labels, 500, seed=0, purpose="validation").tolist()


def test_a_smaller_draw_of_one_class_is_contained_in_a_larger_one():
    labels = np.zeros(100, np.int32)
    assert set(draw(labels, 10, seed=3, purpose="subset")) < set(draw(labels, 40, seed=3, purpose="subset"))

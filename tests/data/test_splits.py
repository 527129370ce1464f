"""The rules that divide examples between splits, and their seeded draw."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from automl_cli.core.errors import DataError
from automl_cli.data.splits import Holding, deal, draw, quotas, sizes_of

class_counts = st.lists(st.integers(0, 200), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize(
    ("parts", "train_examples", "expected"),
    [
        ({"train": 50_000, "test": 10_000}, None, (45_000, 5_000, 10_000)),
        ({"train": 1_437, "test": 360}, None, (737, 700, 360)),
        ({"train": 50_000, "test": 10_000}, 2_000, (1_300, 700, 10_000)),
        ({"train": 50_000, "test": 10_000}, 1_000, (700, 300, 10_000)),
        ({"train": 240}, None, (144, 48, 48)),
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
def test_validation_has_700_examples_or_a_tenth_and_small_sets_keep_more_to_train_on(examples):
    sizes = sizes_of("some set", {"train": examples, "test": 1}, None)
    assert sizes.train + sizes.validation == examples
    assert sizes.validation >= min(700, examples // 4)
    assert sizes.validation <= max(700, examples // 10)
    assert sizes.train >= min(700, examples - examples // 4)


@given(st.integers(5, 10**6))
def test_more_examples_never_mean_fewer_to_train_on_or_to_validate_with(examples):
    fewer, more = (sizes_of("some set", {"train": count, "test": 1}, None) for count in (examples, examples + 1))
    assert fewer.train <= more.train
    assert fewer.validation <= more.validation


@given(st.integers(20, 5_000), st.floats(0.05, 0.4), st.floats(0.05, 0.4))
def test_shares_are_of_all_examples(examples, validation, test):
    sizes = sizes_of("some set", {"train": examples}, None, Holding(validation, test))
    assert sizes.validation == max(1, round(validation * examples))
    assert sizes.test == max(1, round(test * examples))
    assert sizes.total == examples


@pytest.mark.parametrize(
    ("parts", "holding", "message"),
    [
        (
            {"train": 10, "validation": 5, "test": 5},
            Holding(0.1),
            "--validation-share is 0.1, but some set has a validation part",
        ),
        ({"train": 10, "test": 5}, Holding(test_share=0.2), "--test-share is 0.2, but some set has a test part"),
        ({"train": 10, "validation": 5}, Holding(folds=3), "--folds is 3, but some set has a validation part"),
        ({"train": 10}, Holding(0.1, folds=3), "--folds and --validation-share both say which examples validate"),
        ({"train": 10}, Holding(0.5, 0.5), "take 1 of all examples together"),
        ({"train": 10}, Holding(folds=9), "too few examples"),
    ],
)
def test_shares_and_folds_that_do_not_fit_are_refused_by_the_flag(parts, holding, message):
    with pytest.raises(DataError, match=message):
        sizes_of("some set", parts, None, holding)


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


few_of_each = st.lists(st.integers(0, 12), min_size=1, max_size=8).filter(any)


def _labels(counts):
    return np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)


@given(few_of_each, st.floats(0, 1), st.sampled_from([0, 1, 2]), st.integers(0, 2**53))
def test_a_draw_that_leaves_examples_takes_of_every_class_and_never_all_of_it(counts, fraction, leave, seed):
    labels = _labels(counts)
    counts = np.bincount(labels)
    wanted = int(len(labels) * fraction)
    taken = np.bincount(labels[draw(labels, wanted, seed=seed, purpose="test", leave=leave)], minlength=len(counts))
    assert taken.sum() == wanted
    assert (taken <= counts).all()
    if wanted >= (counts > leave).sum():
        assert (taken[counts > leave] > 0).all() or wanted > np.maximum(counts - leave, np.minimum(counts // 2, 1)).sum()
    if wanted <= np.maximum(counts - leave, np.minimum(counts // 2, 1)).sum():
        assert (counts - taken >= np.minimum(leave, counts - np.minimum(counts // 2, 1))).all()


def test_a_draw_that_leaves_examples_is_the_plain_one_where_classes_are_large():
    labels = _labels([100, 80, 60])
    plain = draw(labels, 48, seed=0, purpose="test")
    assert draw(labels, 48, seed=0, purpose="test", leave=2).tolist() == plain.tolist()


@given(few_of_each, st.integers(2, 6), st.integers(0, 2**53))
def test_folds_are_disjoint_cover_all_and_differ_by_one_example_in_all_and_of_each_class(counts, folds, seed):
    labels = _labels(counts)
    dealt = deal(labels, folds, seed=seed)
    sizes = np.bincount(dealt, minlength=folds)
    assert set(dealt) <= set(range(folds))
    assert sizes.max() - sizes.min() <= 1
    assert sizes[0] == sizes.max() == -(-len(labels) // folds)
    for label in range(len(counts)):
        of_class = np.bincount(dealt[labels == label], minlength=folds)
        assert of_class.max() - of_class.min() <= 1
    assert dealt.tolist() == deal(labels, folds, seed=seed).tolist()


grouped = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=30, max_size=120)


@given(grouped, st.floats(0.1, 0.5), st.integers(0, 2**53))
def test_groups_are_drawn_whole_and_some_are_left(rows, fraction, seed):
    labels, groups = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    assume(len(set(groups)) > 1)
    drawn = draw(labels, int(len(labels) * fraction), seed=seed, purpose="test", leave=2, groups=groups)
    assert 0 < len(drawn) < len(labels)
    assert (np.diff(drawn) > 0).all()
    assert not set(groups[drawn]) & set(np.delete(groups, drawn))
    again = draw(labels, int(len(labels) * fraction), seed=seed, purpose="test", leave=2, groups=groups)
    assert drawn.tolist() == again.tolist()


@given(grouped, st.integers(2, 5), st.integers(0, 2**53))
def test_folds_hold_whole_groups_and_the_first_is_the_largest(rows, folds, seed):
    labels, groups = (np.array(column, np.int32) for column in zip(*rows, strict=True))
    assume(len(set(groups)) >= folds)
    dealt = deal(labels, folds, seed=seed, groups=groups)
    assert all(len(set(dealt[groups == group])) == 1 for group in set(groups))
    sizes = np.bincount(dealt, minlength=folds)
    assert sizes.min() > 0
    assert sizes[0] == sizes.max()


@given(st.integers(0, 2**53))
def test_small_groups_of_one_class_each_are_split_as_classes_are(seed):
    labels = np.repeat([0, 1, 2], [120, 60, 30])
    groups = np.arange(210) // 3
    drawn = draw(labels, 42, seed=seed, purpose="test", leave=2, groups=groups)
    assert np.bincount(labels[drawn]).tolist() == [24, 12, 6]


def test_a_single_group_and_fewer_groups_than_folds_are_refused():
    labels, groups = np.arange(10) % 2, np.zeros(10, np.int64)
    with pytest.raises(DataError, match="are all of one group, and groups stay together"):
        draw(labels, 2, seed=0, purpose="test", groups=groups)
    with pytest.raises(DataError, match="--folds is 3, but the examples are of 1 group"):
        deal(labels, 3, seed=0, groups=groups)

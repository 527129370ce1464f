"""Statistics of repeats against plain definitions, and against figures from textbooks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from automl_cli.reporting import statistics as st

scores = some.lists(
    some.lists(some.one_of(some.just(math.nan), some.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=4, max_size=4),
    min_size=1,
    max_size=3,
).map(np.array)


@given(scores)
def test_incumbent_is_the_first_of_the_best_so_far(rewards: st.Scores) -> None:
    for row, found in zip(rewards.tolist(), st.incumbents(rewards).tolist(), strict=True):
        for trial, incumbent in enumerate(found):
            known = [(-reward, at) for at, reward in enumerate(row[: trial + 1]) if not math.isnan(reward)]
            assert incumbent == (min(known)[1] if known else -1)


@given(scores, some.integers(1, 6))
def test_top_mean_is_the_mean_of_the_k_largest(values: st.Scores, k: int) -> None:
    points = [1, 2, 3, 4]
    for row, means in zip(values.tolist(), st.top_means(values, k, points).tolist(), strict=True):
        for point, mean in zip(points, means, strict=True):
            best = sorted((value for value in row[:point] if not math.isnan(value)), reverse=True)[:k]
            assert mean == pytest.approx(sum(best) / len(best)) if best else math.isnan(mean)


def test_interval_of_a_mean_is_student_s() -> None:
    found = st.spread(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (found.mean, found.std) == (3.0, pytest.approx(1.5811388))
    assert (found.low, found.high) == (pytest.approx(3 - 1.963243), pytest.approx(3 + 1.963243))  # t = 2.776445, 4 degrees


def test_one_repeat_has_no_spread() -> None:
    found = st.spread(np.array([0.5]))
    assert (found.mean, found.std, found.low, found.high) == (0.5, None, None, None)
    assert st.rank_test(np.array([0.5]), np.array([0.1, 0.2])) is None
    assert st.difference_interval(np.array([0.5]), np.array([0.1, 0.2])) is None


def test_rank_test_of_three_above_three_is_one_in_ten() -> None:
    assert st.rank_test(np.array([4.0, 5.0, 6.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(0.1)  # 2 of 20 arrangements


def test_equal_constants_differ_in_nothing() -> None:
    same = np.full(5, 0.5)
    assert st.rank_test(same, same) == 1.0
    assert st.superiority(same, same) == 0.5
    assert st.difference_interval(same, same) == (0.0, 0.0)


@given(some.lists(some.integers(0, 5), min_size=1, max_size=6), some.lists(some.integers(0, 5), min_size=1, max_size=6))
def test_chances_to_win_of_both_sides_add_up_to_one(ours: list[int], theirs: list[int]) -> None:
    a, b = np.array(ours, float), np.array(theirs, float)
    assert st.superiority(a, b) + st.superiority(b, a) == pytest.approx(1.0)


def test_median_trials_to_a_score_counts_those_that_never_reach_it() -> None:
    best = np.array([[0.1, 0.9, 0.9], [0.9, 0.9, 0.9], [0.1, 0.1, 0.1]])
    assert st.reach(best, 0.9) == st.Reach(reached=2, median_trials=2.0)
    assert st.reach(best[[0, 2, 2]], 0.9) == st.Reach(reached=1, median_trials=None)
    assert st.reach(best, 0.05) == st.Reach(reached=3, median_trials=1.0)


def test_curves_are_reported_at_round_numbers_and_at_the_end() -> None:
    points = st.grid(12_800)
    assert points == sorted(set(points))
    assert {1, 50, 99, 100, 300, 1_000, 2_000, 12_000, 12_800} <= set(points)
    assert len(points) < 300
    assert st.grid(0) == []
    assert st.grid(1) == [1]


def test_repeats_that_differ_in_rounding_only_have_an_interval_and_no_warning() -> None:
    ours, theirs = np.full(3, 0.7), np.array([0.5, 0.5, 0.5 + 1e-16])
    low, high = st.difference_interval(ours, theirs) or (0.0, 0.0)
    assert low == high == pytest.approx(0.2)
    low, high = st.difference_interval(ours, np.array([0.5, 0.5, 0.6])) or (0.0, 0.0)
    assert low < 0.2 - 0.1 / 3 < high

"""Laws of baselines, ranks, stand-ins and the queue of the best."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_cli.strategies.baselines import BestQueue, Floor, MovingBaseline, RankBaseline

rewards = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=12)


@settings(deadline=None)
@given(st.lists(rewards, min_size=1, max_size=4))
def test_rank_advantages_do_not_change_under_a_monotone_map(minibatches: list[list[float]]) -> None:
    plain, mapped = RankBaseline(), RankBaseline()
    for minibatch in minibatches:
        assert plain.advantages(minibatch) == mapped.advantages([math.exp(reward / 10) for reward in minibatch])


@settings(deadline=None)
@given(st.lists(rewards, min_size=1, max_size=4))
def test_rank_advantages_are_the_share_below_minus_the_share_above(minibatches: list[list[float]]) -> None:
    ranks, told = RankBaseline(), []
    for minibatch in minibatches:
        told += minibatch
        expected = [(sum(r > t for t in told) - sum(r < t for t in told)) / len(told) for r in minibatch]
        assert ranks.advantages(minibatch) == pytest.approx(expected)


@settings(deadline=None)
@given(rewards)
def test_rank_advantages_of_one_minibatch_sum_to_zero(minibatch: list[float]) -> None:
    assert sum(RankBaseline().advantages(minibatch)) == pytest.approx(0)


def test_moving_baseline_is_that_of_earlier_rewards_only() -> None:
    baseline = MovingBaseline(0.9)
    assert baseline.advantages([1.0, 3.0]) == [-1.0, 1.0]
    after = 0.9 * (0.9 * 2.0 + 0.1 * 1.0) + 0.1 * 3.0
    assert baseline.advantages([5.0]) == pytest.approx([5.0 - after])
    assert baseline.advantages([5.0]) == pytest.approx([5.0 - (0.9 * after + 0.1 * 5.0)])


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.floats(-9, 9)), min_size=1, max_size=5), min_size=1, max_size=5))
def test_missing_rewards_take_the_lowest_told_so_far(minibatches: list[list[float | None]]) -> None:
    floor, told = Floor(), []
    for minibatch in minibatches:
        told += [reward for reward in minibatch if reward is not None]
        filled = floor.fill(minibatch)
        if not told:
            assert filled is None
        else:
            assert filled == [min(told) if reward is None else reward for reward in minibatch]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), max_size=6), st.integers(0, 4))
def test_queue_holds_the_best_distinct_genotypes_in_order(minibatches: list[list[int]], places: int) -> None:
    """The reward is a function of the genotype here, so the oracle can sort all that was ever told."""
    queue, told = BestQueue(places), {}
    for minibatch in minibatches:
        entries = {(genotype,): float((genotype * 7) % 10) for genotype in minibatch}
        queue.add(list(entries), list(entries.values()))
        told |= entries
    assert queue.genotypes == tuple(sorted(told, key=lambda genotype: -told[genotype])[:places])


def test_queue_takes_the_last_reward_of_a_genotype_and_none_that_is_missing() -> None:
    queue = BestQueue(2)
    queue.add([(0,), (1,), (2,)], [3.0, None, 2.0])
    assert queue.genotypes == ((0,), (2,))
    queue.add([(0,), (3,)], [1.0, 1.5])
    assert queue.genotypes == ((2,), (3,))

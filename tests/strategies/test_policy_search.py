"""REINFORCE and PPO as strategies: minibatches, missing rewards, the rule, and what they find."""

import subprocess
import sys
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import UserError
from automl_cli.core.trials import Proposal
from automl_cli.strategies.ppo import PPO
from automl_cli.strategies.reinforce import REINFORCE
from tests.strategies.driving import best_after, driven, play
from tests.strategies.worlds import flat, make, one_max, settings_of, space_of

SMALL = {"minibatch": 4, "units": 6}
SPACE = space_of(flat(5, 3))
POLICIES = pytest.mark.parametrize("name", ["reinforce", "ppo"])


@POLICIES
def test_all_of_a_minibatch_are_drawn_from_one_policy(name: str) -> None:
    """Told in between or not: until a minibatch is complete the policy stays the one that drew the last."""
    strategy = make(name, SPACE, trials=100, **SMALL)
    policy = strategy._policy
    for first in range(0, 24, 4):
        drawn = [strategy.ask(trial) for trial in range(first, first + 4)]
        for place, proposal in enumerate(drawn):
            now = policy.log_probabilities([each.genotype for each in drawn])
            assert [each.log_probability for each in drawn] == pytest.approx(now, rel=1e-5)
            assert strategy.ask(first + 4) == strategy.ask(first + 4)
            strategy.tell(first + place, proposal, one_max(proposal.genotype))
        assert policy.log_probabilities([drawn[0].genotype])[0] != pytest.approx(now[0], rel=1e-5)


@POLICIES
def test_asking_in_any_order_gives_the_same_proposals(name: str) -> None:
    strategy, other = (make(name, SPACE, trials=100, seed=5, **SMALL) for _ in range(2))
    forwards = [strategy.ask(trial) for trial in range(12)]
    backwards = [other.ask(trial) for trial in reversed(range(12))]
    assert forwards == backwards[::-1]


@pytest.mark.parametrize("name", ["reinforce", "ppo", "evolution"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), in_flight=st.sampled_from([1, 4, 7, 12]))
def test_whatever_order_outcomes_arrive_in_the_proposals_are_the_same(name: str, seed: int, in_flight: int) -> None:
    """Outcomes in a drawn order against outcomes in the order of the trials."""
    given_settings = SMALL if name != "evolution" else {"population_size": 5}
    order = Random(seed)

    def reward(trial: int, genotype: Genotype) -> float | None:
        return None if trial % 7 == 3 else one_max(genotype)

    drawn, in_turn = (
        driven(make(name, SPACE, trials=30, **given_settings), reward, 30, in_flight=in_flight, ends=ends)
        for ends in (order.randrange, lambda count: 0)
    )
    assert drawn == in_turn


@POLICIES
def test_a_missing_reward_teaches_what_the_lowest_told_so_far_would(name: str) -> None:
    given_settings = {**SMALL, "queue_weight": 0.0}
    missing, lowest = (make(name, SPACE, trials=100, **given_settings) for _ in range(2))
    rewards = (5.0, None, 2.0, 7.0, 4.0, 6.0, None, 3.0)
    for trial, reward in enumerate(rewards):
        proposal = missing.ask(trial)
        assert lowest.ask(trial) == proposal
        missing.tell(trial, proposal, reward)
        lowest.tell(trial, proposal, 2.0 if reward is None else reward)
    assert [missing.ask(trial) for trial in range(8, 12)] == [lowest.ask(trial) for trial in range(8, 12)]


@POLICIES
def test_a_minibatch_without_any_reward_teaches_nothing_while_none_was_told(name: str) -> None:
    strategy = make(name, SPACE, trials=100, avoid_repeats=0, **SMALL)
    before = [strategy.ask(trial).log_probability for trial in range(4)]
    for trial in range(4):
        strategy.tell(trial, strategy.ask(trial), None)
    assert [strategy.ask(trial).log_probability for trial in range(4)] == before


def test_ppo_takes_the_old_probability_from_the_proposal() -> None:
    """A genotype recorded as far less probable than it is now has a ratio beyond the clip, and moves nothing."""
    given_settings = {"minibatch": 1, "units": 6, "epochs": 1, "queue_weight": 0.0, "advantage": "baseline", "avoid_repeats": 0}
    moved = []
    for shift in (0.0, 5.0):
        strategy = make("ppo", SPACE, trials=100, **given_settings)
        strategy.tell(0, strategy.ask(0), 0.0)
        proposal = strategy.ask(1)
        before = strategy._policy.log_probabilities([proposal.genotype])
        strategy.tell(1, Proposal(proposal.genotype, proposal.log_probability - shift), 1.0)
        moved.append(strategy._policy.log_probabilities([proposal.genotype]) != before)
    assert moved == [True, False]
    with pytest.raises(ValueError, match="has no log-probability"):
        make("ppo", SPACE, trials=100, **given_settings).tell(0, Proposal((0,) * 5), 1.0)


@POLICIES
def test_repeats_are_drawn_again(name: str) -> None:
    """81 genotypes, and a policy that soon prefers few of them: redrawn, nearly all proposals are new."""
    space = space_of(flat(4, 3))
    new, free = (
        len({p.genotype for p in play(make(name, space, trials=60, avoid_repeats=tries, **SMALL), one_max, 60)})
        for tries in (50, 0)
    )
    assert new >= 55
    assert free < 50


@POLICIES
def test_proposals_follow_the_live_length(name: str) -> None:
    space = space_of(flat(6, 3), length=lambda trial: 2 + trial // 10)
    proposals = play(make(name, space, trials=40, **SMALL), one_max, 40)
    assert [len(proposal.genotype) for proposal in proposals] == [2 + trial // 10 for trial in range(40)]


@pytest.mark.parametrize("name", ["reinforce", "ppo", "evolution"])
@pytest.mark.parametrize("in_flight", [1, 8])
def test_better_than_random_on_one_max_at_equal_budget(name: str, in_flight: int) -> None:
    """16 decisions of 4 choices (at most 48), 100 trials, mean best of 6 seeds. Over 40 seeds the means differ by 6.4 or more,
    with a spread of 3 or less for one seed: one draw of 6 seeds in 5,000 misses a difference of 2. These seeds are fixed."""
    space = space_of(flat(16, 4))
    mean = {
        each: sum(best_after(make(each, space, trials=100, seed=seed), one_max, 100, in_flight=in_flight) for seed in range(6))
        / 6
        for each in ("random", name)
    }
    assert mean[name] > mean["random"] + 2


@pytest.mark.parametrize(("trials", "minibatch"), [(1, 5), (64, 5), (300, 6), (1000, 20), (20_000, 20)])
@POLICIES
def test_the_rule_from_the_budget(name: str, trials: int, minibatch: int) -> None:
    assert settings_of(name, trials, {})["minibatch"] == minibatch


def test_the_papers_constants() -> None:
    """NAS: two layers of 35, uniform in ±0.08, Adam 0.0006, 8 children a replica.

    NASNet: one layer of 100, ±0.1, learning rate 0.00035, entropy 1e-5, baseline 0.95, 20 children a minibatch.
    """
    nas, nasnet = REINFORCE.resolve(12_800, {"constants": "paper"}), PPO.resolve(20_000, {"constants": "paper"})
    names = ("layers", "units", "initial_range", "learning_rate", "entropy_weight", "baseline_decay", "minibatch")
    assert [nas[name] for name in names] == [2, 35, 0.08, 0.0006, 0.0, 0.95, 8]
    assert [nasnet[name] for name in names] == [1, 100, 0.1, 0.00035, 0.00001, 0.95, 20]
    for paper in (nas, nasnet):
        extras = ("advantage", "queue_size", "queue_weight", "exploration", "avoid_repeats")
        assert [paper[name] for name in extras] == ["baseline", 0, 0.0, 0.0, 0]
    assert nas["epochs"] == 1


@POLICIES
def test_given_constants_win_over_the_rule_and_the_paper(name: str) -> None:
    for source in ("budget", "paper"):
        assert settings_of(name, 100, {"constants": source, "learning_rate": 0.5})["learning_rate"] == 0.5


@POLICIES
@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"learning_rte": 1.0}, "Did you mean 'learning_rate'"),
        ({"learning_rate": 0.0}, "option learning_rate of strategy .* is 0.0; expected a number above 0"),
        ({"minibatch": "many"}, "option minibatch of strategy .* is 'many'; expected a whole number"),
        (
            {"advantage": "rang"},
            "unknown value of option advantage of strategy .*: 'rang'. Did you mean 'rank'. Known: baseline, rank",
        ),
        ({"constants": "papr"}, "Did you mean 'paper'"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, wrong: dict[str, object], text: str) -> None:
    with pytest.raises(UserError, match=text):
        settings_of(name, 100, wrong)


def test_planning_a_policy_search_needs_no_jax() -> None:
    script = (
        "import sys; from tests.strategies.worlds import *; space = space_of(flat(3, 3)); make('ppo', space, trials=100);"
        "make('reinforce', space, trials=100); print(sorted({'jax', 'numpy', 'flax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

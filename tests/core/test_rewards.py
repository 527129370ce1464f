"""Rewards: their order, the papers' figures, JSON, and a search whose score is to be low."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_cli.core.errors import UserError
from automl_cli.core.rewards import LATENCY, InverseSquare, LatencyTarget, Power, Reward, ranked
from automl_cli.core.trials import Measurement
from automl_cli.reporting.runs import read_history
from automl_cli.reporting.summary import summarise
from automl_cli.store.artifact import artifact_of
from automl_cli.store.encoding import decode, line, parse
from automl_cli.store.run_directory import create_run
from tests.reporting.runs import write_run
from tests.study.worlds import Obedient, World, settings

HARD = LatencyTarget(target_ms=80.0, weight_below=0.0, weight_above=-1.0)
SOFT = LatencyTarget(target_ms=80.0)
REWARDS: tuple[Reward, ...] = (Power(), Power(2.0), Power(3.0), InverseSquare(), InverseSquare(10.0), HARD, SOFT)

scores = st.floats(0.01, 1000.0)
latencies = st.floats(1.0, 1000.0)


def measured(*given: float, latency: float = 80.0) -> Measurement:
    return Measurement(scores=given, metrics={LATENCY: latency})


@pytest.mark.parametrize("reward", REWARDS, ids=repr)
@given(one=scores, other=scores, latency=latencies)
def test_the_better_score_never_has_the_lower_reward(reward: Reward, one: float, other: float, latency: float) -> None:
    better, worse = (max(one, other), min(one, other)) if reward.better == "higher" else (min(one, other), max(one, other))
    assert reward.of(measured(better, latency=latency)) >= reward.of(measured(worse, latency=latency))


@pytest.mark.parametrize("reward", REWARDS, ids=repr)
@given(given=st.lists(scores, min_size=1, max_size=9))
def test_the_score_is_the_best_of_the_last_five_epochs(reward: Reward, given: list[float]) -> None:
    best = max if reward.better == "higher" else min
    assert reward.score(measured(*given)) == best(given[-5:])
    assert reward.of(measured(*given)) == reward.of(measured(reward.score(measured(*given))))


@given(score=st.floats(-1e300, 1e300), exponent=st.floats(0.01, 10.0))
def test_a_power_keeps_the_sign_and_is_finite(score: float, exponent: float) -> None:
    reward = Power(exponent).of(measured(score))
    assert math.isfinite(reward)
    assert reward * score >= 0


@given(score=scores, fast=latencies, slow=latencies)
def test_the_faster_of_two_that_score_alike_never_has_the_lower_reward(score: float, fast: float, slow: float) -> None:
    fast, slow = min(fast, slow), max(fast, slow)
    for reward in (HARD, SOFT):
        assert reward.of(measured(score, latency=fast)) >= reward.of(measured(score, latency=slow)) * (1 - 1e-12)


@given(score=scores)
def test_at_the_target_the_reward_is_the_score(score: float) -> None:
    assert HARD.of(measured(score)) == SOFT.of(measured(score)) == score


def test_the_papers_figures() -> None:
    assert InverseSquare(80.0).of(measured(80.0)) == pytest.approx(0.0125)
    assert Power(2.0).of(measured(0.9)) == pytest.approx(0.81)
    assert Power(3.0).of(measured(0.9)) == pytest.approx(0.729)
    assert HARD.of(measured(0.5, latency=160.0)) == pytest.approx(0.25)
    assert SOFT.of(measured(0.5, latency=160.0)) == pytest.approx(0.4763, abs=5e-5)
    assert HARD.of(measured(0.5, latency=40.0)) == 0.5, "below the target the hard constraint asks for nothing"


@pytest.mark.parametrize("score", [0.0, 1e-200, 1e200, 1e308])
def test_the_inverse_square_of_any_score_is_finite(score: float) -> None:
    assert math.isfinite(InverseSquare().of(measured(score)))


@pytest.mark.parametrize("reward", REWARDS, ids=repr)
def test_a_reward_survives_json_by_its_tag(reward: Reward) -> None:
    assert decode(line(reward), Reward, "reward") == reward  # type: ignore[arg-type]
    assert parse(line(reward), "reward")["type"] in ("power", "inverse-square", "latency-target")
    assert reward.words


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Power(0.0), "the exponent of the reward is 0; it must be above 0 and at most 10"),
        (lambda: Power(11.0), "the exponent of the reward is 11"),
        (lambda: InverseSquare(0.0), "the constant of the reward is 0; it must be a finite number above 0"),
        (lambda: InverseSquare(math.inf), "the constant of the reward is inf"),
        (lambda: LatencyTarget(target_ms=0.0), "the latency target is 0 ms; it must be a finite number above 0"),
        (lambda: LatencyTarget(target_ms=80.0, weight_above=0.5), "weight_above of the reward is 0.5; it must be between"),
        (lambda: LatencyTarget(target_ms=80.0, weight_below=math.nan), "weight_below of the reward is nan"),
    ],
)
def test_what_cannot_be_a_reward_is_refused(make: object, text: str) -> None:
    with pytest.raises(UserError, match=text):
        make()  # type: ignore[operator]


def test_a_latency_that_nobody_measured_is_missed_by_name() -> None:
    with pytest.raises(UserError, match="nothing measured 'latency_ms'; choose another reward"):
        SOFT.of(Measurement(scores=(0.5,)))


@pytest.mark.parametrize("latency", [0.0, -1.0])
def test_a_latency_that_cannot_be_is_refused(latency: float) -> None:
    with pytest.raises(UserError, match="it must be above 0"):
        SOFT.of(measured(0.5, latency=latency))


def test_what_was_not_measured_ranks_last() -> None:
    assert ranked(Power(), None) < ranked(Power(), measured(-1e300))


def test_a_search_by_inverse_square_ranks_the_lower_score_first(tmp_path: Path) -> None:
    with create_run(tmp_path / "run", artifact_of(settings(reward=InverseSquare(80.0), trials=20, retrain_top=2))) as run:
        world = World(run.path, settings(reward=InverseSquare(80.0), trials=20, retrain_top=2))
        winner = world.run(Obedient())
        run.best_file.write_bytes(world.best)
    scores = {told.trial: min(told.outcome.measurement.scores) for told in world.told() if told.stage == "search"}  # type: ignore[union-attr]
    assert winner.retraining is not None
    first, second = sorted(set(scores.values()))[:2]
    assert [row.search_score for row in winner.retraining.candidates] == [first, second]
    retrained = {row.trial: row.retrained_score for row in winner.retraining.candidates}
    assert winner.trial.number == min(retrained, key=lambda trial: retrained[trial])  # type: ignore[arg-type,return-value]


def test_the_curve_of_a_report_falls_where_the_score_is_to_be_low(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [90.0, 100.0, None, 80.0, 85.0], reward=InverseSquare(80.0))
    found = summarise(read_history(path))
    assert [(point.trials, point.score) for point in found.curve] == [(1, 90.0), (4, 80.0)]
    assert found.best is not None
    assert (found.best.trial, found.best.score, found.best.reward) == (3, 80.0, 0.0125)
    assert [trial.score for trial in found.top] == [80.0, 85.0, 90.0, 100.0]


def test_groups_of_runs_are_compared_with_the_lower_score_as_the_better(tmp_path: Path) -> None:
    from automl_cli.reporting.comparison import compare

    runs = [
        read_history(
            write_run(tmp_path / f"{name}-{seed}", [base, base - 1, base + 5], strategy=name, seed=seed, reward=InverseSquare())
        )
        for name, base in (("random", 100.0), ("evolution", 80.0))
        for seed in range(3)
    ]
    found = compare(runs)
    random, evolution = sorted(found.groups, key=lambda group: group.name, reverse=True)
    assert [point.score.mean for point in evolution.curve] == [80.0, 79.0, 79.0]
    assert (found.target, random.reach.reached, evolution.reach.reached) == (99.0, 3, 3)
    score = next(contrast for contrast in found.contrasts if contrast.measure == "score")
    assert (score.difference, score.superiority) == (-20.0, 1.0)

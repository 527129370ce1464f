"""`--replicates`: what looks best is measured again, and means decide; the laws of the study hold as without."""

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest

from automl_cli.core.rewards import Power
from automl_cli.core.trials import Measurement, Outcome, Proposal, Status, Task, Trial
from automl_cli.jobs.run_checks import check_journal, check_winner
from automl_cli.store.study import Replication
from automl_cli.study.evaluation_cache import EvaluationCache
from automl_cli.study.incumbent import Ranking, reward_of, score_of, scores_of, winner_artifact
from tests.study.worlds import Obedient, PowerCut, World, settings

AGAIN = Replication(seeds=3, share=1 / 3)


def world(path: Path, *, batch: int = 1, **changed: object) -> World:
    path.mkdir(exist_ok=True)
    return World(path, settings(trials=30, replication=AGAIN, layers=3, **changed), batch=batch)


def trial(number: int, genotype: tuple[int, ...], score: float | None, replicate: int = 0) -> Trial:
    outcome = Outcome(Status.DIVERGED) if score is None else Outcome(Status.OK, Measurement((score,)))
    return Trial(Task(number, genotype, 0, 1), Proposal(genotype, replicate=replicate), outcome)


def test_the_highest_mean_of_enough_seeds_wins_whatever_the_order() -> None:
    trials = [
        trial(0, (0,), 0.9),
        trial(1, (1,), 0.8),
        trial(2, (0,), 0.5, 1),
        trial(3, (1,), 0.7, 1),
        trial(4, (2,), 0.95),
        trial(5, (3,), None),
        trial(6, (3,), 0.99, 1),
    ]
    for order in (trials, trials[::-1], trials[3:] + trials[:3]):
        ranking = Ranking(3, Power(), seeds=2)
        for one in order:
            ranking.add(one)
        best = ranking.best()
        assert [one.number for one in best] == [6, 1, 0]  # two seeds each, the failed one counted; trial 4 has one alone
        assert scores_of(Power(), best[1]) == (0.8, 0.7)
        assert score_of(Power(), best[1]) == pytest.approx(0.75)
        assert reward_of(Power(2.0), best[1]) == pytest.approx((0.64 + 0.49) / 2)


def test_a_replicate_has_a_seed_of_its_own_and_shares_no_outcome(tmp_path: Path) -> None:
    cache = EvaluationCache(7, reuse=True)
    seeds = {cache.seed_of_next((0, 1), 3, replicate=number) for number in range(4)}
    assert len(seeds) == 4
    assert cache.seed_of_next((0, 1), 3) in seeds
    found = world(tmp_path)
    found.run()
    again = [asked for asked in found.asked() if asked.replicate]
    assert 0 < len(again) <= 10
    assert len({asked.seed for asked in found.asked() if asked.genotype == again[0].genotype}) > 1
    reused = {told.trial for told in found.told() if told.reused is not None}
    assert not reused & {asked.trial for asked in again}


def test_the_artifact_says_how_many_seeds_stand_behind_the_score_and_agrees_with_the_journal(tmp_path: Path) -> None:
    found = world(tmp_path)
    winner = found.run()
    said = winner_artifact(found.config, found.space, winner).body.found
    assert len(said.scores_by_seed) == 1 + len(winner.trial.replicates) == 3
    assert said.validation_score == pytest.approx(fmean(said.scores_by_seed))
    course = check_journal(found.journal_file, found.config, found.space)
    assert check_winner("best.json", said, found.config, course) is not None


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("reuse", [True, False])
@pytest.mark.parametrize("order", [lambda count: 0, lambda count: count - 1], ids=["oldest", "newest"])
def test_kills_and_the_order_of_ends_change_no_byte(
    batch: int, reuse: bool, order: Callable[[int], int], tmp_path: Path
) -> None:
    whole = world(tmp_path / "whole", batch=batch, reuse=reuse)
    whole.run()
    cut = world(tmp_path / "cut", batch=batch, reuse=reuse)
    for ends in (2, 7, 11):
        with pytest.raises(PowerCut):
            cut.run(Obedient(order=order, cut_after=ends))
    cut.run(Obedient(order=order))
    assert cut.asked() == whole.asked()
    assert cut.best == whole.best
    assert any(asked.replicate for asked in whole.asked())

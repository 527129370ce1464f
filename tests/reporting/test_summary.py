"""One run in figures: what `best` and `top` mean, and what counts as spent."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import ArtifactError, UserError
from automl_cli.core.rewards import InverseSquare, Power
from automl_cli.core.trials import Outcome, Stage, Status
from automl_cli.reporting.runs import newest_run, read_history
from automl_cli.reporting.sections import run_blocks
from automl_cli.reporting.summary import summarise
from automl_cli.store.journal import Ended, Journal, Started
from automl_cli.store.run_directory import open_run
from automl_cli.store.run_layout import runs_in
from automl_cli.study.incumbent import Ranking
from tests.reporting.runs import SPACE, asked, study, told, write_run


def test_best_is_the_first_of_the_highest_and_top_lists_distinct_genotypes(tmp_path: Path) -> None:
    run = summarise(read_history(write_run(tmp_path / "run", [0.2, None, 0.9, 0.5, 0.9])), top=3)
    assert run.best is not None
    assert (run.best.trial, run.best.score, run.best.metrics["test"]) == (2, 0.9, 1.4)
    assert [trial.trial for trial in run.top] == [2, 4, 3]
    assert [(point.trials, point.score) for point in run.curve] == [(1, 0.2), (3, 0.9)]
    assert run.statuses == {"diverged": 1, "ok": 4}


def test_a_genotype_found_again_is_listed_once(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5])
    with open_run(path) as run:
        journal = Journal(run.journal_file)
        journal.append(replace(asked(1, study()), genotype=asked(0, study()).genotype))
        journal.append(told(1, 0.5, reused=0))
        journal.close()
    assert [trial.trial for trial in summarise(read_history(path)).top] == [0]


def test_spent_counts_children_and_seconds_once(tmp_path: Path) -> None:
    cost = summarise(read_history(write_run(tmp_path / "run", [0.2, None, 0.2, 0.3], reused={2: 0}))).cost
    assert (cost.trained, cost.reused, cost.failed) == (2, 1, 1)
    assert (cost.compute_seconds, cost.wall_seconds) == (3.0, 4.0)
    assert cost.published == "800 GPUs for 28 days"


def test_what_the_paper_spent_is_said_for_a_small_search_too(tmp_path: Path) -> None:
    run = summarise(read_history(write_run(tmp_path / "run", [0.2], published_cost="")))
    assert run.cost.published == SPACE.plugin.presets["paper"].published_cost != ""


def test_wall_clock_is_the_sum_over_sessions_with_a_killed_one_to_its_last_record(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.2, 0.3], finished=False)
    with open_run(path) as run:
        journal = Journal(run.journal_file)
        journal.append(Started(at=100.0, executor="serial", workers=1))
        journal.append(Ended(reason="interrupted", elapsed=7.5))
        journal.close()
    assert read_history(path).wall_seconds == 2.0 + 7.5


def test_means_by_quarter_leave_out_trials_without_a_score(tmp_path: Path) -> None:
    run = summarise(read_history(write_run(tmp_path / "run", [0.1, 0.3, None, None, 0.5, None, 0.7, 0.9])))
    assert run.quarters == (pytest.approx(0.2), None, 0.5, pytest.approx(0.8))


def test_after_retraining_the_best_is_the_one_that_best_json_names(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.2, 0.9, 0.8], retrain_top=2)
    before = summarise(read_history(path))
    with open_run(path) as run:
        journal = Journal(run.journal_file)
        for number, score in ((1, 0.85), (2, 0.95)):
            journal.append(asked(number, study(), Stage.RETRAIN))
            journal.append(told(number, score, stage=Stage.RETRAIN))
        journal.close()
    after = summarise(read_history(path))
    assert before.best is not None
    assert after.best is not None
    assert (before.best.trial, after.best.trial) == (1, 2)
    assert (before.to_retrain, after.to_retrain) == (2, 0)
    said = [str(list(run_blocks(run))) for run in (before, after)]
    assert "stopped" in said[0], "what was killed while the best were trained again has not finished"
    assert "of the 2 best, not complete" in said[0]
    assert "finished" in said[1]
    assert after.retraining is not None
    assert after.retraining.rank_correlation == pytest.approx(-1.0)
    assert after.trials == 3


def test_a_run_without_a_successful_trial_has_no_best(tmp_path: Path) -> None:
    for scores in ([], [None, None]):
        run = summarise(read_history(write_run(tmp_path / f"run{len(scores)}", scores)))
        assert run.best is None
        assert run.curve == ()


def test_a_run_is_running_while_a_process_holds_it(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5])
    with open_run(path):
        assert read_history(path).running
    assert not read_history(path).running


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.2, 0.9])
    whole = read_history(path)
    with (path / "journal.jsonl").open("ab") as file:
        file.write(b'{"record":"asked","tri')
    assert read_history(path) == whole


def test_newest_run_is_the_one_written_to_last(tmp_path: Path) -> None:
    import os

    for name, at in (("old", 100), ("new", 300), ("between", 200)):
        for file in write_run(tmp_path / name, [0.5]).iterdir():
            os.utime(file, (at, at))
    (tmp_path / "no-run").mkdir()
    assert newest_run(tmp_path) == tmp_path / "new"


def test_no_run_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no run under .*missing/; start one with automl search-arch"):
        newest_run(tmp_path / "missing")
    with pytest.raises(ArtifactError, match=r"is no run directory: it holds no study.json"):
        read_history(tmp_path)


def test_repeats_are_read_in_the_order_of_their_seeds(tmp_path: Path) -> None:
    for seed in (10, 9, 100):
        write_run(tmp_path / f"seed-{seed}", [0.5], seed=seed)
    assert [path.name for path in runs_in(tmp_path)] == ["seed-9", "seed-10", "seed-100"]
    assert read_history(tmp_path / "seed-9").name == f"{tmp_path.name}/seed-9"


def test_reasons_that_differ_in_numbers_are_one_with_a_count_and_an_example(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [0.5], trials=9)
    endings = [(Status.DIVERGED, f"the loss is nan in epoch 1, step {step} of 44") for step in (13, 7, 22)]
    endings += [(Status.FAILED, "OSError: gone"), (Status.DIVERGED, "the output is not finite")]
    with open_run(path) as run:
        journal = Journal(run.journal_file)
        for number, (status, message) in enumerate(endings, start=1):
            journal.append(asked(number, study()))
            journal.append(replace(told(number, None), outcome=Outcome(status, message=message, seconds=1.0)))
        journal.close()
    found = summarise(read_history(path)).reasons
    assert [(one.status, one.trials, one.first, one.message) for one in found] == [
        ("diverged", 3, 1, "the loss is nan in epoch 1, step 13 of 44"),
        ("failed", 1, 4, "OSError: gone"),
        ("diverged", 1, 5, "the output is not finite"),
    ]


@pytest.mark.parametrize(
    ("target", "trials", "said"), [(0.7, 3, "after 3 trials"), (0.5, 2, "after 2 trials"), (0.9, None, "not in 4 trials")]
)
def test_a_score_to_reach_is_counted_to_in_one_run(tmp_path: Path, target: float, trials: int | None, said: str) -> None:
    run = summarise(read_history(write_run(tmp_path / "run", [None, 0.5, 0.7, 0.8])), target=target)
    assert run.reach
    assert (run.reach.target, run.reach.trials) == (target, trials)
    assert said in str(list(run_blocks(run)))


def test_a_score_that_should_be_low_is_reached_from_above(tmp_path: Path) -> None:
    path = write_run(tmp_path / "run", [90.0, 80.0, 70.0], reward=InverseSquare())
    reach = summarise(read_history(path), target=80.0).reach
    assert reach
    assert reach.trials == 2


def test_what_a_trial_behind_the_best_means_is_not_asked(tmp_path: Path) -> None:
    """Finding out may take a millisecond, and journals have tens of thousands of trials."""
    asked_for = []

    def standing_for(genotype: Genotype) -> Genotype:
        asked_for.append(genotype)
        return genotype

    trials = read_history(write_run(tmp_path / "run", [0.9, 0.8, 0.7, *([0.1] * 200), 0.85])).trials
    ranking = Ranking(3, Power(), standing_for=standing_for)
    added = [ranking.add(trial) for trial in trials]
    assert [trial.number for trial in ranking.best()] == [0, 203, 1]
    assert (added.index(True), sum(added)) == (0, 1)
    assert len(asked_for) < 20

"""What comes after a search: the best on several seeds, and the winner beside what is made by hand."""

from pathlib import Path
from statistics import fmean

import msgspec
import pytest

from automl_cli.core.decisions import Genotype
from automl_cli.core.errors import ArtifactError
from automl_cli.core.trials import Costs, Limits, Measurement, Outcome, Stage, Status, Task
from automl_cli.jobs.run_checks import check_journal
from automl_cli.plugins.roles import filling_named
from automl_cli.reporting.comparison import compare
from automl_cli.reporting.followed_searches import FollowedSearch
from automl_cli.reporting.made_by_hand import by_hand_in_words, by_hand_of
from automl_cli.reporting.next_steps import steps_after
from automl_cli.reporting.runs import History
from automl_cli.reporting.sections import run_blocks
from automl_cli.reporting.summary import summarise
from automl_cli.reporting.trial_table import trial_rows
from automl_cli.store.artifact import artifact_of, write_artifact
from automl_cli.store.journal import Asked, Told, read_records
from automl_cli.store.ledger import read_trials
from automl_cli.store.study import StudySettings
from automl_cli.study import limits
from automl_cli.study.ended import ended_winner
from automl_cli.study.loop import SearchProgress
from automl_cli.values.sheet import Heading
from tests.store.lines import unsigned
from tests.study.worlds import Obedient, PowerCut, World, digits_child, settings, space, value

BY_HAND = filling_named("network", "convnet-3x64")


def config(**changed: object) -> StudySettings:
    """A search whose three best are trained on two seeds, and the winner beside what is made by hand."""
    usual = {"trials": 8, "layers": 3, "retrain_top": 3, "retrain_seeds": 2, "baseline": BY_HAND, "child": digits_child()}
    return settings(**{**usual, **changed})


def asked_after(world: World) -> list[Asked]:
    """What the journal of a world asks after the search."""
    return [asked for asked in world.asked() if asked.stage is not Stage.SEARCH]


def history(path: Path, made: StudySettings) -> History:
    """The run in this directory."""
    trials = sorted(read_trials(path / "journal.jsonl"), key=lambda one: (one.number, one.proposal.replicate))
    of_stage = {stage: tuple(one for one in trials if one.task.stage is stage) for stage in Stage}
    return History(
        path=path,
        settings=made,
        trials=of_stage[Stage.SEARCH],
        retrained=of_stage[Stage.RETRAIN],
        made_by_hand=of_stage[Stage.BASELINE],
        wall_seconds=0.0,
        running=False,
    )


def test_the_winner_has_the_best_mean_over_its_seeds(tmp_path: Path) -> None:
    winner = World(tmp_path, config()).run()
    assert winner.retraining is not None
    rows = {row.trial: row for row in winner.retraining.candidates}
    assert len(rows) == 3
    for row in rows.values():
        assert len(set(row.scores_by_seed)) == 2
        assert row.retrained_score == pytest.approx(fmean(row.scores_by_seed))
    rewards = {number: fmean(score**2 for score in row.scores_by_seed) for number, row in rows.items()}
    assert winner.trial.number == max(rewards, key=lambda number: rewards[number])


def test_a_candidate_of_which_one_training_fails_stands_last(tmp_path: Path) -> None:
    failed: list[int] = []

    def evaluate(task: Task) -> Outcome:
        if task.stage is Stage.SEARCH:
            return value(task)
        failed.append(task.trial)
        return Outcome(Status.FAILED) if len(failed) == 4 else Outcome(Status.OK, Measurement((0.9,)))

    winner = World(tmp_path, config(baseline=None)).run(Obedient(evaluate))
    assert winner.retraining is not None
    rows = {row.trial: row.retrained_score for row in winner.retraining.candidates}
    assert rows.pop(failed[3]) is None
    assert set(rows.values()) == {0.9}
    assert winner.trial.number != failed[3]


def test_what_is_made_by_hand_changes_neither_the_search_nor_its_winner(tmp_path: Path) -> None:
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    beside, alone = World(tmp_path / "with", config()), World(tmp_path / "without", config(baseline=None))
    beside.run()
    alone.run()
    assert beside.best == alone.best
    searched = [[asked for asked in world.asked() if asked.stage is Stage.SEARCH] for world in (beside, alone)]
    assert searched[0] == searched[1]
    assert beside.strategy.told_at_ask == alone.strategy.told_at_ask
    assert not [asked for asked in alone.asked() if asked.stage is Stage.BASELINE]


def test_like_is_compared_with_like_on_seeds_that_chose_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, config())
    winner = world.run().trial
    by_hand = [asked for asked in asked_after(world) if asked.stage is Stage.BASELINE]
    own = [asked for asked in asked_after(world) if asked.stage is Stage.RETRAIN and asked.trial == winner.number]
    assert [asked.replicate for asked in by_hand] == [0, 1]
    assert sorted(asked.replicate for asked in own) == [0, 1, 2, 3]
    assert {asked.epochs for asked in asked_after(world)} == {world.config.retrain_epochs}
    assert len({asked.seed for asked in world.asked()}) == len(
        {(asked.stage, *asked.genotype, asked.replicate) for asked in world.asked()}
    )
    said = by_hand_of(history(tmp_path, world.config), winner)
    assert said is not None
    outcomes = {(told.stage, told.trial, told.replicate): told.outcome for told in world.told()}
    score = world.config.reward.score
    chosen = [outcomes[Stage.RETRAIN, winner.number, seed].measurement for seed in (2, 3)]
    assert said.winner_scores == tuple(score(one) for one in chosen if one is not None)
    assert said.gain == pytest.approx(fmean(said.winner_scores) - fmean(said.scores))
    (group,) = compare([history(tmp_path, world.config)]).groups
    assert group.made_by_hand is not None
    assert (group.made_by_hand.compared, group.made_by_hand.gain.mean) == (1, pytest.approx(said.gain))


@pytest.mark.parametrize("cut_after", range(18))
def test_a_study_that_is_killed_anywhere_goes_on_to_the_same_end(tmp_path: Path, cut_after: int) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "cut").mkdir()
    calm, cut = World(tmp_path / "calm", config()), World(tmp_path / "cut", config())
    calm.run()
    try:
        cut.run(Obedient(cut_after=cut_after, order=lambda count: count - 1))
    except PowerCut:
        cut.run()
    assert cut.best == calm.best
    ends = [{(told.stage, told.trial, told.replicate): told.outcome for told in world.told()} for world in (calm, cut)]
    assert ends[0] == ends[1]
    check_journal(cut.journal_file, cut.config, space(3))


def test_a_time_budget_that_ends_while_it_is_compared_leaves_the_winner(tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "cut").mkdir()
    calm, cut = World(tmp_path / "calm", config()), World(tmp_path / "cut", config(time_budget_seconds=1e6))

    class Tired(Obedient):
        def wait(self, timeout_seconds: float | None = None) -> tuple[Task, Outcome] | None:
            is_by_hand = any(task.stage is Stage.BASELINE for task in self.submitted)
            return None if is_by_hand else super().wait(timeout_seconds)

    calm.run()
    winner = cut.run(Tired())
    assert cut.best == calm.best
    assert winner.retraining is not None
    said = by_hand_of(history(tmp_path / "cut", cut.config), winner.trial)
    assert said is not None
    assert said.beats is None
    assert "is not compared" in by_hand_in_words(said)
    summary = summarise(history(tmp_path / "cut", cut.config))
    assert [what for what, _ in steps_after(history(tmp_path / "cut", cut.config), summary)] == ["go on"]
    assert "stopped" in next(part.rest for part in run_blocks(summary) if isinstance(part, Heading))
    check_journal(cut.journal_file, cut.config, space(3))


def test_a_training_by_hand_on_another_seed_is_no_record_of_this_study(tmp_path: Path) -> None:
    world = World(tmp_path, config())
    world.run()
    seed = next(asked.seed for asked in world.asked() if asked.stage is Stage.BASELINE)
    text = unsigned(world.journal_file.read_bytes())
    world.journal_file.write_bytes(text.replace(f'"seed":{seed}'.encode(), f'"seed":{seed + 1}'.encode()))
    with pytest.raises(ArtifactError, match="seed: says"):
        check_journal(world.journal_file, world.config, space(3))


def test_more_trials_train_only_what_is_missing(tmp_path: Path) -> None:
    World(tmp_path, config()).run()
    before = {
        (told.stage, told.trial, told.replicate) for told in read_records(tmp_path / "journal.jsonl") if isinstance(told, Told)
    }
    longer = World(tmp_path, config(trials=16))
    executor = Obedient()
    winner = longer.run(executor)
    after = [task for task in executor.submitted if task.stage is not Stage.SEARCH]
    assert not [task for task in after if task.stage is Stage.BASELINE], "it was trained before"
    assert len(after) == len(longer.told()) - len(before) - 8
    (tmp_path / "whole").mkdir()
    assert winner == World(tmp_path / "whole", config(trials=16)).run()


@pytest.mark.parametrize("interrupt_after", [8, 11, 15])
def test_what_lost_its_place_while_it_was_trained_again_is_left(tmp_path: Path, interrupt_after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        World(tmp_path, config()).run(Obedient(interrupt_after=interrupt_after))
    longer = World(tmp_path, config(trials=40))
    winner = longer.run()
    left = {asked.key for asked in longer.asked()} - {(told.stage, told.trial, told.replicate) for told in longer.told()}
    assert (interrupt_after < 15) == bool(left)
    assert check_journal(longer.journal_file, longer.config, space(3)).winner() == winner
    assert ended_winner(longer.journal_file, longer.config, space(3)) == winner


def test_an_interruption_behind_the_last_retraining_leaves_the_winner_by_retraining(tmp_path: Path) -> None:
    class Interrupting(list[SearchProgress]):
        def append(self, progress: SearchProgress) -> None:
            if progress.stage is Stage.RETRAIN and progress.finished == progress.planned:
                raise KeyboardInterrupt

    world = World(tmp_path, config())
    world.progress = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        world.run()
    winner = check_journal(world.journal_file, world.config, space(3)).winner()
    assert winner is not None
    assert winner.retraining is not None
    assert world.published[-1] == winner


def price(genotype: Genotype) -> Costs:
    return Costs(parameters=sum(genotype), multiply_adds=1)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_report_names_the_winner_by_retraining_where_limits_ended_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(limits, "MOST_IN_A_ROW", 3)
    made = config(layers=8, trials=60, seed=seed, limits=Limits(max_parameters=5), baseline=None)
    winner = World(tmp_path, made).run(price=price)
    summary = summarise(history(tmp_path, made))
    assert summary.best is not None
    assert (summary.best.trial, summary.retraining) == (winner.trial.number, winner.retraining)


@pytest.mark.parametrize("seed", range(4))
def test_a_report_names_the_winner_of_the_search_while_that_goes_on(tmp_path: Path, seed: int) -> None:
    made = config(layers=8, seed=seed, limits=Limits(max_parameters=7), baseline=None)
    World(tmp_path, made).run(price=price)
    longer = World(tmp_path, msgspec.structs.replace(made, trials=10))
    with pytest.raises(KeyboardInterrupt):
        longer.run(Obedient(interrupt_after=0), price=price)
    summary = summarise(history(tmp_path, longer.config))
    assert summary.trials >= longer.config.trials > 8, "those over a limit among them"
    assert summary.best is not None
    assert summary.best.trial == longer.published[-1].trial.number
    assert summary.retraining is None


def test_who_follows_a_search_that_goes_on_counts_the_same_before_and_after(tmp_path: Path) -> None:
    made = config(layers=8, limits=Limits(max_parameters=7), baseline=None)
    World(tmp_path, made).run(price=price)
    longer = World(tmp_path, msgspec.structs.replace(made, trials=40))
    longer.run(price=price)
    write_artifact(tmp_path / "study.json", artifact_of(longer.config))
    followed = FollowedSearch(tmp_path)
    followed.refresh()
    assert followed.course.over_limit.count > 0
    assert followed.course.began_with == 8 + 6, "within the limits, and trained again"
    assert followed.course.retrained > longer.config.trainings_after == 6, "others are the best of more"
    assert followed.done == followed.planned == 40 + followed.course.retrained


def test_the_table_of_trials_has_what_is_made_by_hand_without_decisions(tmp_path: Path) -> None:
    world = World(tmp_path, config())
    world.run()
    rows = [row for row in trial_rows(history(tmp_path, world.config), space=space(3)) if row.stage == "baseline"]
    assert [(row.genotype, row.choices) for row in rows] == [((), {}), ((), {})]

"""Groups of repeats against a baseline, on runs small enough to know every figure."""

import dataclasses
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from automl_cli.core.spaces import SpaceReference
from automl_cli.core.trials import Cluster, EvaluatorSpec, Outcome, Status
from automl_cli.plugins.roles import filling_named
from automl_cli.reporting.comparison import compare, obstacle
from automl_cli.reporting.made_by_hand import of_repeats
from automl_cli.reporting.runs import History, read_history
from automl_cli.reporting.sections import comparison_blocks
from automl_cli.reporting.summary import summarise
from automl_cli.store.journal import Journal
from automl_cli.store.reports import MadeByHand
from automl_cli.store.run_directory import open_run
from automl_cli.store.study import Replication
from automl_cli.values.sheet import Facts
from tests.reporting.runs import SPACE, asked, study, told, write_run
from tests.study.worlds import digits_child

BY_HAND = filling_named("network", "convnet-3x64")


def history(path: Path, scores: list[float | None], **changes: object) -> History:
    return read_history(write_run(path, scores, **changes))


def test_runs_that_differ_in_their_seed_are_repeats_and_random_search_is_the_baseline(tmp_path: Path) -> None:
    runs = [
        history(tmp_path / f"{strategy}-{seed}", [0.5, 0.6], strategy=strategy, seed=seed)
        for strategy in ("reinforce", "random")
        for seed in (3, 4)
    ]
    found = compare(runs)
    assert [(group.name, group.seeds) for group in found.groups] == [("reinforce", (3, 4)), ("random", (3, 4))]
    assert found.baseline == "random"
    assert {contrast.group for contrast in found.contrasts} == {"reinforce"}


def test_searches_of_one_strategy_with_different_settings_are_told_apart_by_their_run(tmp_path: Path) -> None:
    runs = [history(tmp_path / f"run-{size}", [0.5], strategy_settings={"minibatch": size}) for size in (4, 8)]
    assert [group.name for group in compare(runs).groups] == ["random (run-4)", "random (run-8)"]


def test_where_children_ran_and_what_was_trained_after_them_make_no_other_search(tmp_path: Path) -> None:
    changes = [{}, {"executor": "ray", "cluster": Cluster()}, {"retrain_top": 3, "retrain_seeds": 2}, {"baseline": BY_HAND}]
    runs = [
        history(tmp_path / f"run-{seed}", [0.5], seed=seed, child=digits_child(), **changed)
        for seed, changed in enumerate(changes)
    ]
    (group,) = compare(runs).groups
    assert group.seeds == (0, 1, 2, 3)


@pytest.mark.parametrize("changes", [{}, {"replication": Replication(seeds=2, share=0.5)}])
def test_proposals_over_a_limit_are_none_of_the_trials_that_are_compared(tmp_path: Path, changes: dict[str, object]) -> None:
    whole = history(tmp_path / "run", [0.3, 0.6, 0.1], **changes)
    trials = []
    for trial in whole.trials:
        over, own = (replace(trial, task=replace(trial.task, trial=2 * trial.number + more)) for more in (0, 1))
        trials += [replace(over, outcome=Outcome(Status.OVER_LIMIT)), own]
    found = dataclasses.replace(whole, trials=tuple(trials))
    assert obstacle([found]) is None
    assert compare([found]) == compare([whole])
    assert compare([found]).trials == 3


def test_report_columns_are_those_of_the_incumbent_not_the_best_of_the_column(tmp_path: Path) -> None:
    runs = [
        history(tmp_path / "a", [0.3, 0.6, 0.1], tests={0: 0.9, 1: 0.2, 2: 1.0}, seed=0),
        history(tmp_path / "b", [0.4, 0.2, 0.8], tests={0: 0.5, 1: 1.0, 2: 0.6}, seed=1),
    ]
    (group,) = compare(runs).groups
    assert [point.score.mean for point in group.curve] == pytest.approx([0.35, 0.5, 0.7])
    assert [point.columns["test"] for point in group.curve] == pytest.approx([0.7, 0.35, 0.4])


def test_contrast_holds_difference_interval_and_rank_test_of_every_measure(tmp_path: Path) -> None:
    runs = [
        history(tmp_path / f"{strategy}-{seed}", [base + seed / 100, 0.1], strategy=strategy, seed=seed)
        for strategy, base in (("random", 0.5), ("evolution", 0.7))
        for seed in range(3)
    ]
    found = compare(runs)
    assert [contrast.measure for contrast in found.contrasts] == ["score", "test"]
    for contrast in found.contrasts:
        assert contrast.difference == pytest.approx(0.2)
        assert contrast.p_value == pytest.approx(0.1)
        assert contrast.superiority == 1.0
        assert contrast.low is not None
        assert contrast.high is not None
        assert contrast.low < 0.2 < contrast.high


def test_top_differences_and_top_means_are_the_papers_figures(tmp_path: Path) -> None:
    runs = [
        history(tmp_path / "random", [0.1, 0.2, 0.3, 0.4, 0.5, 0.0], strategy="random"),
        history(tmp_path / "ppo", [0.9, 0.2, 0.3, 0.4, 0.5, 0.0], strategy="ppo"),
    ]
    found = compare(runs)
    last = {difference.k: difference.points[-1].value.mean for difference in found.top_differences}
    assert last == {1: pytest.approx(0.4), 5: pytest.approx(0.8 / 5), 15: pytest.approx(0.8 / 6)}
    assert {k: points[-1].value.mean for k, points in found.groups[0].top_means.items()} == {
        "1": pytest.approx(0.5),
        "5": pytest.approx(0.3),
        "25": pytest.approx(0.25),
    }


def test_target_is_the_baselines_mean_unless_given(tmp_path: Path) -> None:
    runs = [history(tmp_path / f"{seed}", [0.2, 0.2 + seed / 10], seed=seed) for seed in (1, 3)]
    found = compare(runs)
    assert found.target == pytest.approx(0.4)
    assert found.groups[0].reach.reached == 1
    assert compare(runs, target=0.2).groups[0].reach.median_trials == 1.0


def test_a_search_that_is_running_counts_up_to_its_first_unfinished_trial(tmp_path: Path) -> None:
    path = write_run(tmp_path / "running", [0.5, 0.6], trials=9, finished=False)
    with open_run(path) as run:
        journal = Journal(run.journal_file)
        for number in (2, 3):
            journal.append(asked(number, study()))
        journal.append(told(3, 0.9))
        journal.close()
    other = history(tmp_path / "other", [0.1] * 9, seed=1)
    found = compare([read_history(path), other])
    assert found.trials == 2


def test_curve_starts_where_every_repeat_has_an_incumbent(tmp_path: Path) -> None:
    runs = [history(tmp_path / "a", [None, 0.5], seed=0), history(tmp_path / "b", [0.5, None], seed=1)]
    assert obstacle(runs) is None
    assert [point.trials for point in compare(runs).groups[0].curve] == [2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"child": digits_child(source="cifar10")}, "b and a differ in the data set"),
        ({"epochs": 9}, "b and a differ in epochs"),
    ],
)
def test_runs_of_different_tasks_are_not_compared(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    runs = [history(tmp_path / "a", [0.5]), history(tmp_path / "b", [0.5], **changes)]
    assert obstacle(runs) == reason


def test_a_run_without_a_score_is_not_compared(tmp_path: Path) -> None:
    runs = [history(tmp_path / "a", [0.5]), history(tmp_path / "b", [None])]
    assert obstacle(runs) == "b has no successful trial among the first 1"


def test_a_report_column_named_score_is_not_taken_for_the_score(tmp_path: Path) -> None:
    runs = [
        history(tmp_path / f"{strategy}-{seed}", [base], column="score", tests={0: test}, strategy=strategy, seed=seed)
        for strategy, base, test in (("random", 0.5, 0.9), ("evolution", 0.7, 0.8))
        for seed in range(3)
    ]
    found = {contrast.measure: contrast.difference for contrast in compare(runs).contrasts}
    assert found == {"score": pytest.approx(0.2), "score (column)": pytest.approx(-0.1)}


def test_the_same_seed_twice_is_not_two_repeats(tmp_path: Path) -> None:
    runs = [history(tmp_path / name, [0.5], seed=seed) for name, seed in (("a", 3), ("b", 4), ("c", 3))]
    assert obstacle(runs[:2]) is None
    assert obstacle(runs) == "c and a are one search with one seed, so one result and not two"


def test_files_in_another_folder_are_the_same_space_and_table(tmp_path: Path) -> None:
    def evaluator(folder: str) -> EvaluatorSpec:
        return EvaluatorSpec("table", {"file": f"/{folder}/own.csv"})

    def space(folder: str) -> SpaceReference:
        return replace(SPACE.reference(), file=f"/{folder}/own.py")

    runs = [
        history(tmp_path / name, [0.5], space=space(name), evaluator=evaluator(name), seed=seed)
        for seed, name in enumerate("ab")
    ]
    assert obstacle(runs) is None
    assert [group.seeds for group in compare(runs).groups] == [(0, 1)]
    other = history(tmp_path / "c", [0.5], space=space("c"), evaluator=EvaluatorSpec("table", {"file": "/a/another.csv"}))
    assert obstacle([*runs, other]) == "c and a differ in how a child is measured"


def test_with_replicates_the_incumbent_is_the_one_of_the_best_mean_and_its_score_that_mean(tmp_path: Path) -> None:
    made = study(replication=Replication(seeds=2, share=0.5), trials=4)
    path = write_run(tmp_path / "a", [], replication=made.replication, trials=4)
    with closing(Journal(path / "journal.jsonl")) as journal:
        for number, score in enumerate((0.9, 0.8, 0.5, 0.7)):
            journal.append(replace(asked(number, made, genotype=number % 2), replicate=number // 2))
            journal.append(told(number, score))
    found = read_history(path)
    (group,) = compare([found]).groups
    assert [point.score.mean for point in group.curve] == pytest.approx([0.9, 0.9, 0.7, 0.75])
    assert [(point.trials, point.score) for point in summarise(found).curve] == [
        (1, pytest.approx(0.9)),
        (3, pytest.approx(0.7)),
        (4, pytest.approx(0.75)),
    ]
    best = summarise(found).best
    assert best is not None
    assert (best.trial, best.score, best.metrics["seeds"]) == (1, pytest.approx(0.75), 2)


def made_by_hand(gain: float | None, beats: bool | None) -> MadeByHand:
    """What a run says of its winner beside a network made by hand."""
    return MadeByHand(
        name="convnet-3x64",
        role="network",
        trial=3,
        epochs=16,
        seeds=2,
        winner_scores=(0.9, 0.9),
        scores=(0.8, 0.8),
        gain=gain,
        error=0.01,
        beats=beats,
    )


def test_repeats_say_together_whether_their_winners_beat_what_is_made_by_hand() -> None:
    said = [made_by_hand(0.03, True), UNSET, made_by_hand(-0.01, False), made_by_hand(None, None), made_by_hand(0.04, True)]
    found = of_repeats(said)
    assert found is not None
    assert (found.name, found.role, found.compared, found.beating) == ("convnet-3x64", "network", 3, 2)
    assert (found.gain.mean, found.gain.std) == (pytest.approx(0.02), pytest.approx(0.0264575))
    assert of_repeats([UNSET, made_by_hand(None, None)]) is None


def test_a_group_says_how_many_of_its_winners_beat_what_is_made_by_hand(tmp_path: Path) -> None:
    runs = [history(tmp_path / str(seed), [0.5], seed=seed) for seed in range(2)]
    found = compare(runs)
    said = of_repeats([made_by_hand(0.03, True), made_by_hand(-0.01, False)])
    told = replace(found, groups=(replace(found.groups[0], made_by_hand=said),))
    facts = [
        dict(part.rows).get("random beats convnet-3x64")
        for part in comparison_blocks(told, [summarise(run) for run in runs])
        if isinstance(part, Facts)
    ]
    assert "in 1 of 2 repeats; by +0.0100 [-0.2441, +0.2641] on average" in facts
    assert found.groups[0].made_by_hand is None
